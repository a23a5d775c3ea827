# packages: uruk
scrub() { sed -E 's/^(# (Generated|Completed).*) on .*/\1/'; }
cat >/etc/uruk/rc <<'END'
version=20190121
interfaces="eth0 eth1"
ips_eth0="v4 v6"
ip_eth0_v4="192.0.2.10"
net_eth0_v4="192.0.2.0/24"
ip6_eth0_v6="2001:db8::10"
net6_eth0_v6="2001:db8::/64"
services_eth0_v4_tcp="web ssh"
ports_eth0_v4_tcp_web="http https"
sources_eth0_v4_tcp_web="0.0.0.0/0"
ports_eth0_v4_tcp_ssh="22"
sources_eth0_v4_tcp_ssh="198.51.100.0/24 203.0.113.7"
services_eth0_v6_tcp="web"
ports_eth0_v6_tcp_web="80"
sources_eth0_v6_tcp_web="::/0"
ips_eth1="v4"
ip_eth1_v4="10.0.0.1"
net_eth1_v4="10.0.0.0/24"
services_eth1_v4_tcp=
services_eth1_v4_udp="dns"
ports_eth1_v4_udp_dns="53"
sources_eth1_v4_udp_dns="10.0.0.0/24"
loglevel=10
END
step uruk
step uruk-save
step uruk
