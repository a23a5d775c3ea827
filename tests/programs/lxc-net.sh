# packages: lxc dnsmasq-base procps
# It prefers nft where there is one.
rm -f /usr/sbin/nft /sbin/nft
cat >/etc/default/lxc-net <<'END'
USE_LXC_BRIDGE="true"
LXC_BRIDGE="lxcbr0"
LXC_ADDR="10.0.3.1"
LXC_NETMASK="255.255.255.0"
LXC_NETWORK="10.0.3.0/24"
LXC_DHCP_RANGE="10.0.3.2,10.0.3.254"
LXC_DHCP_MAX="253"
LXC_IPV6_ADDR="fd00:33::1"
LXC_IPV6_MASK="64"
LXC_IPV6_NETWORK="fd00:33::/64"
LXC_IPV6_NAT="true"
END
step /usr/libexec/lxc/lxc-net start
step /usr/libexec/lxc/lxc-net stop
step /usr/libexec/lxc/lxc-net start
step /usr/libexec/lxc/lxc-net restart
