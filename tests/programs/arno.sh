# packages: arno-iptables-firewall gawk kmod procps
scrub() { sed -E 's/[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]+.*[0-9]{2}:[0-9]{2}:[0-9]{2}.*//; s/[0-9]{2}:[0-9]{2}:[0-9]{2}//; s/^ *[0-9]+[KM]? +[0-9]+[KM]? / N N /; s/[0-9]+ packets, [0-9]+ bytes/N/'; }
cat >/etc/arno-iptables-firewall/conf.d/00lab.conf <<'END'
EXT_IF="eth0"
EXT_IF_DHCP_IP=0
INT_IF="eth1"
INTERNAL_NET="10.0.0.0/24"
NAT=1
NAT_INTERNAL_NET="10.0.0.0/24"
NAT_FORWARD_TCP="8080>10.0.0.5~80"
OPEN_TCP="22 80 443"
OPEN_UDP="5000:5010"
OPEN_ICMP=1
HOST_OPEN_TCP="198.51.100.7~3306"
HOST_DENY_TCP="198.51.100.8~22"
BLOCK_HOSTS="203.0.113.0/24"
IPV6_SUPPORT=1
IPTABLES_IPV6_SUPPORT=1
END
command -v arno-iptables-firewall >/dev/null || PATH=$PATH:/usr/local/sbin
step arno-iptables-firewall start
step arno-iptables-firewall status
step arno-iptables-firewall restart
step arno-iptables-firewall force-reload
step arno-iptables-firewall stop
