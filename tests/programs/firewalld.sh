# packages: firewalld dbus iptables ipset
# `-i +`, which rfw shows and iptables does not: any-interface in docs/compatibility.md.
scrub() { sed -E 's/ -[io] \+//'; }
mkdir -p /run/dbus
sed -i 's/^FirewallBackend=.*/FirewallBackend=iptables/; s/^IndividualCalls=.*/IndividualCalls=no/' /etc/firewalld/firewalld.conf
dbus-daemon --system --fork
daemon() {
    firewalld --nofork --nopid >/tmp/firewalld.log 2>&1 &
    echo $! >/tmp/firewalld.job
    local tries
    for ((tries = 0; tries < 120; tries++)); do
        [ "$(firewall-cmd --state 2>&1)" != running ] || return 0
        sleep 0.5
    done
    tail -n 5 /tmp/firewalld.log
    return 1
}
gone() {
    local tries
    kill "$(cat /tmp/firewalld.job)"
    for ((tries = 0; tries < 60; tries++)); do
        kill -0 "$(cat /tmp/firewalld.job)" 2>/dev/null || return 0
        sleep 0.5
    done
    return 1
}
step daemon
[ "$(firewall-cmd --state 2>&1)" = running ] || skip "firewalld does not start here: $(tail -n 1 /tmp/firewalld.log)"
step firewall-cmd --zone=public --change-interface=eth0
step firewall-cmd --zone=trusted --change-interface=eth1
step firewall-cmd --add-service=http
step firewall-cmd --add-port=5000-5010/udp
step firewall-cmd --add-masquerade
step firewall-cmd --add-forward-port=port=8080:proto=tcp:toport=80:toaddr=10.0.0.5
step firewall-cmd --add-rich-rule='rule family="ipv4" source address="198.51.100.0/24" service name="ssh" log prefix="ssh: " level="info" limit value="3/m" accept'
step firewall-cmd --add-rich-rule='rule family="ipv6" source address="2001:db8:1::/48" reject type="icmp6-adm-prohibited"'
step firewall-cmd --add-icmp-block=echo-request
step firewall-cmd --permanent --new-ipset=bad --type=hash:ip
step firewall-cmd --permanent --ipset=bad --add-entry=203.0.113.7
step firewall-cmd --permanent --zone=drop --add-source=ipset:bad
step firewall-cmd --reload
step firewall-cmd --direct --add-rule ipv4 filter INPUT 0 -p tcp --dport 9 -m comment --comment direct -j DROP
step firewall-cmd --direct --passthrough ipv4 -t nat -nL POSTROUTING
step firewall-cmd --direct --add-rule ipv4 filter INPUT 0 -m nosuch -j DROP
step firewall-cmd --set-log-denied=all
step firewall-cmd --panic-on
step firewall-cmd --panic-off
step firewall-cmd --list-all
step firewall-cmd --complete-reload
step gone
