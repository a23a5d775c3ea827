# packages: apf-firewall procps kmod
sed -i 's/^DEVEL_MODE=.*/DEVEL_MODE="0"/; s/^RAB=.*/RAB="1"/; s/^SET_FASTLOAD=.*/SET_FASTLOAD="1"/; s/^SET_MONOKERN=.*/SET_MONOKERN="1"/
    s/^EGF=.*/EGF="1"/; s/^LOG_DROP=.*/LOG_DROP="1"/; s/^TOS_DEF=.*/TOS_DEF="8"/; s/^BLK_MCATNET=.*/BLK_MCATNET="1"/; s/^BLK_IDENT=.*/BLK_IDENT="1"/
    s/^PKT_SANITY_INV=.*/PKT_SANITY_INV="1"/; s/^IG_TCP_CPORTS=.*/IG_TCP_CPORTS="22,80,443,6000_7000"/; s/^IG_UDP_CPORTS=.*/IG_UDP_CPORTS="53"/
    s/^EG_TCP_UID=.*/EG_TCP_UID="0:25,33:80"/; s/^SET_VERBOSE=.*/SET_VERBOSE="0"/; s/^VF_CROND=.*/VF_CROND="0"/; s/^SET_REFRESH=.*/SET_REFRESH="0"/' /etc/apf-firewall/conf.apf
scrub() { sed -E 's/^[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} //; s/apf\([0-9]+\)/apf(N)/'; }
echo "tcp:in:d=8080:s=203.0.113.7" >>/etc/apf-firewall/allow_hosts.rules
echo "d=25:s=198.51.100.99" >>/etc/apf-firewall/deny_hosts.rules
step apf -s
step apf -a 192.0.2.5 "a friend"
step apf -d 198.51.100.0/24 "no friend"
step apf -d host.invalid
step apf -u 198.51.100.0/24
step apf -r
step apf -f
