# packages: shorewall shorewall6 kmod perl
scrub() { sed -E 's/[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]+:[0-9]{2}:[0-9]{2}.* [0-9]{4}/DATE/; s/[0-9]{2}:[0-9]{2}:[0-9]{2}//; s/foo[0-9]*X[0-9]+/fooX/g; s/sha-([lr])h-[0-9a-f]{20}/sha-\1h-/g; s/^ *[0-9]+[KM]? +[0-9]+[KM]? / N N /'; }
for d in shorewall shorewall6; do
    family=4 ip=ipv4 net=0.0.0.0/0
    [ "$d" = shorewall ] || family=6 ip=ipv6 net=::/0
    cp /usr/share/$d/configfiles/$d.conf /etc/$d/
    sed -i 's/^STARTUP_ENABLED=.*/STARTUP_ENABLED=Yes/; s/^LOGFILE=.*/LOGFILE=\/dev\/null/; s/^LOAD_HELPERS_ONLY=.*/LOAD_HELPERS_ONLY=Yes/' /etc/$d/$d.conf
    sed -i 's/^startup=.*/startup=1/' /etc/default/$d
    printf 'fw firewall\nnet %s\nloc %s\n' $ip $ip >/etc/$d/zones
    printf '?FORMAT 2\nnet eth0 tcpflags,nosmurfs\nloc eth1 tcpflags\n' >/etc/$d/interfaces
    [ $family = 4 ] || printf '?FORMAT 2\nnet eth0 tcpflags\nloc eth1 tcpflags\n' >/etc/$d/interfaces
    printf 'fw net ACCEPT\nloc all ACCEPT\nnet all DROP info\nall all REJECT info\n' >/etc/$d/policy
    cat >/etc/$d/rules <<'END'
?SECTION ALL
?SECTION ESTABLISHED
?SECTION RELATED
?SECTION INVALID
?SECTION UNTRACKED
?SECTION NEW
Invalid(DROP) net all
Ping(ACCEPT) net fw
SSH(ACCEPT) net fw - - - - s:3/min:5
ACCEPT net fw tcp 80,443
ACCEPT:info net fw udp 5000:5010
END
done
printf 'MASQUERADE 10.0.0.0/24 eth0\n' >/etc/shorewall/snat
printf 'DNAT net loc:10.0.0.5:80 tcp 8080\n' >>/etc/shorewall/rules
touch /etc/shorewall/stoppedrules /etc/shorewall6/stoppedrules
step shorewall show -f capabilities
step shorewall check
step shorewall compile /tmp/firewall
step shorewall start
step shorewall status
step shorewall show nat
step shorewall show log
step shorewall drop 198.51.100.9
step shorewall reject 198.51.100.10
step shorewall allow 198.51.100.9
step shorewall save
step shorewall restart
step shorewall reload
step shorewall stop
step shorewall restore
step shorewall clear
step shorewall6 show -f capabilities
step shorewall6 check
step shorewall6 start
step shorewall6 drop 2001:db8::9
step shorewall6 restart
step shorewall6 stop
step shorewall6 clear
