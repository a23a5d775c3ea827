# packages: ufw
scrub() { sed -E 's/(caps-test)[a-z0-9_]{8}/\1/; s/[0-9]{8}_[0-9]{6}/DATE/; s/^ +[0-9]+ +[0-9]+ / N N /; s/[0-9]+ packets, [0-9]+ bytes/N/'; }
sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw
step ufw --force enable
step ufw status verbose
step ufw allow 22/tcp
step ufw limit ssh
step ufw deny from 192.0.2.0/24
step ufw insert 1 allow in on eth0 proto udp from 198.51.100.0/24 to any port 5000:5010
step ufw allow out log-all 53
step ufw reject from 2001:db8:1::/48 to any port 80,443 proto tcp
step ufw route allow in on eth0 out on eth1 to 10.0.0.5 port 80 proto tcp comment 'web server'
step ufw app list
step ufw allow OpenSSH
step ufw logging high
step ufw default deny outgoing
step ufw default allow routed
step ufw status numbered
step ufw show raw
step ufw delete deny from 192.0.2.0/24
step ufw --force delete 1
step ufw reload
step ufw show user-rules
step ufw --force reset
step ufw --force enable
step ufw disable
step ufw status
step /usr/lib/ufw/ufw-init start
step /usr/lib/ufw/ufw-init force-stop
step /usr/lib/ufw/ufw-init flush-all
