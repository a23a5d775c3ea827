# packages: firehol procps kmod
scrub() { sed -E 's/firehol[-._A-Za-z0-9]*\/?//g; s/[0-9]{2}:[0-9]{2}:[0-9]{2}//g; s/FireHOL_[0-9]+//g'; }
sed -i "s/^START_FIREHOL=.*/START_FIREHOL=YES/" /etc/default/firehol
cat >/etc/firehol/firehol.conf <<'END'
version 6
FIREHOL_LOAD_KERNEL_MODULES=0
ipv4 masquerade eth0
ipv4 dnat to 10.0.0.5:80 inface eth0 proto tcp dport 8080
ipv4 mark 1 FORWARD src 10.0.0.7
interface eth0 world
    policy drop
    protection strong 10/sec 10
    server "ssh http https" accept
    server ping accept with limit 5/s 10
    server custom mine "udp/5000:5010" any drop log "mine"
    client all accept
interface4 eth1 lan src 10.0.0.0/24
    policy reject
    server "dns dhcp samba ftp" accept
    client all accept
router lan2world inface eth1 outface eth0
    policy reject
    route all accept
    server ident reject with tcp-reset
END
# Debian's package calls iptables-legacy.
sed -i "s/-legacy//" /usr/lib/firehol/install.config
mkdir -p /var/spool/firehol /run/firehol
step firehol start
step firehol nofast restart
step firehol status
step firehol save
step firehol stop
step firehol panic
step firehol stop
