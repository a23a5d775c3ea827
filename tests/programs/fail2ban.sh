# packages: fail2ban
scrub() { sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:,]+//; s/\[[0-9]+\]//g'; }
order() { sort; }
mkdir -p /run/fail2ban
: >/tmp/auth.log
cat >/etc/fail2ban/jail.local <<'END'
[DEFAULT]
backend = polling
bantime = 1h
findtime = 1h
maxretry = 2
ignoreip =
[sshd]
enabled = true
logpath = /tmp/auth.log
banaction = iptables-multiport
[all]
enabled = true
filter = sshd
logpath = /tmp/auth.log
banaction = iptables-allports
blocktype = DROP
[sets]
enabled = true
filter = sshd
logpath = /tmp/auth.log
banaction = iptables-ipset-proto6
port = ssh,http
END
rm -f /etc/fail2ban/jail.d/defaults-debian.conf

# banned N: waits until every jail has banned N addresses.
banned() {
    local jail tries
    for jail in sshd all sets; do
        for ((tries = 0; tries < 60; tries++)); do
            fail2ban-client status "$jail" | grep -q "Currently banned:[[:space:]]*$1\$" && break
            sleep 0.5
        done
        fail2ban-client status "$jail"
    done
}
step fail2ban-client -x start
step fail2ban-client status
job=100
for i in 1 2 3; do
    for ip in 198.51.100.7 2001:db8:9::7; do
        job=$((job + 1))
        echo "$(date '+%b %e %H:%M:%S') host sshd[$job]: Failed password for root from $ip port 4000$i ssh2" >>/tmp/auth.log
    done
done
step banned 2
step fail2ban-client set sshd banip 192.0.2.1 192.0.2.2
step fail2ban-client set sshd unbanip 192.0.2.1
step fail2ban-client set all banip 2001:db8::66
step fail2ban-client set all unbanip 2001:db8::66
step iptables -F f2b-sshd
step fail2ban-client set sshd banip 192.0.2.9
step fail2ban-client reload
step fail2ban-client unban --all
step fail2ban-client stop
grep -E 'ERROR|WARN' /var/log/fail2ban.log | sed -E 's/^[0-9-]+ [0-9:,]+//; s/\[[0-9]+\]//; s/-- exec.*//' >>"$results/record" || true
