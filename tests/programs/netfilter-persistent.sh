# packages: iptables-persistent ipset-persistent netfilter-persistent
iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -P INPUT DROP
iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
ip6tables -N logged
ip6tables -A logged -m limit --limit 3/min -j LOG --log-prefix "dropped: "
ipset create friends hash:net
ipset add friends 198.51.100.0/24
iptables -A INPUT -m set --match-set friends src -j ACCEPT
step netfilter-persistent save
step sed '/^#/d' /etc/iptables/rules.v4 /etc/iptables/rules.v6
step netfilter-persistent flush
step netfilter-persistent start
step netfilter-persistent reload
step netfilter-persistent stop
# Of flushed rules and sets both come back, the sets first.
iptables -F
ipset destroy
step netfilter-persistent start
sed -i 's/--limit 3/--limit x/' /etc/iptables/rules.v6
step netfilter-persistent start
