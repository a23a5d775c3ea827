# packages: sshguard
# Its back end, which takes orders from the log's reader; the chain is the administrator's.
for which in iptables ip6tables; do
    $which -N sshguard
    $which -A INPUT -p tcp -m multiport --dports 22,25 -j sshguard
done
backend() { printf '%s\n' "$@" | /usr/libexec/sshguard/sshg-fw-iptables; }
step backend 'block 192.0.2.5 4 32' 'block 2001:db8::5 6 128' 'block 198.51.100.0 4 24'
step backend 'release 192.0.2.5 4 32' 'release 192.0.2.6 4 32'
step backend 'block 192.0.2.7 4 32' 'block 192.0.2.300 4 32' flush
step backend flushonexit 'block 192.0.2.8 4 32'
iptables -F
iptables -X sshguard
step backend 'block 192.0.2.9 4 32'
