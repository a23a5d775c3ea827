# packages: ipset
# Not Debian's packages but calls in the form in which the network programs of Kubernetes make them: kube-proxy and kubelet (canaries,
# restores of a part with counters, chains that are emptied and deleted in one restore), flannel, Calico, Cilium, Istio, MetalLB and k3s.
scrub() { sed -E "s/^(# (Generated|Completed).*) on [A-Z].*/\1/"; }
quick="-w 5 -W 100000"
both() { # both ARGUMENTS…: with each family's command
    local status=0
    iptables "$@" || status=$?
    ip6tables "$@" || status=$?
    return "$status"
}
there() { # there CHAIN-AND-RULE…: adds what is not there, as everybody does
    iptables $quick -C "$@" 2>&1 || iptables $quick -A "$@"
}
step iptables --version
step iptables-restore --version
step ip6tables-save --version
for table in mangle nat filter; do
    step both $quick -N KUBE-PROXY-CANARY -t $table
    step both $quick -N KUBE-KUBELET-CANARY -t $table
done
step both $quick -S KUBE-PROXY-CANARY -t mangle
step both $quick -N KUBE-PROXY-CANARY -t mangle
for chain in SERVICES NODEPORTS POSTROUTING; do step iptables $quick -N KUBE-$chain -t nat; done
for chain in SERVICES EXTERNAL-SERVICES FORWARD NODEPORTS PROXY-FIREWALL FIREWALL; do iptables $quick -N KUBE-$chain -t filter; done
step iptables $quick -C OUTPUT -t nat -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
step iptables $quick -I OUTPUT -t nat -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
step iptables $quick -I PREROUTING -t nat -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
step iptables $quick -I POSTROUTING -t nat -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
for chain in INPUT FORWARD OUTPUT; do
    step iptables $quick -I $chain -t filter -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
done
step iptables $quick -I INPUT -t filter -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
step iptables $quick -I INPUT -t filter -j KUBE-FIREWALL
step iptables $quick -A KUBE-FIREWALL -t filter -m comment --comment "block incoming localnet connections" --dst 127.0.0.0/8 ! --src 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
restored() { # restored COMMAND: what kube-proxy does with its standard input
    cat >/tmp/restored
    step restoring "$@"
}
restoring() { "$@" </tmp/restored; }
# Without the object that counts, which newer ones ask for.
restored iptables-restore -w 5 -W 100000 --noflush --counters <<'END'
*filter
:KUBE-NODEPORTS - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
-A KUBE-SERVICES -m comment --comment "default/empty:http has no endpoints" -m tcp -p tcp -d 10.96.0.77/32 --dport 80 -j REJECT
-A KUBE-NODEPORTS -m comment --comment "default/lb:http health check node port" -m tcp -p tcp --dport 31000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name ct_state_invalid_dropped_pkts -j DROP
COMMIT
END
restored iptables-restore -w 5 -W 100000 --noflush --counters <<'END'
*filter
:KUBE-NODEPORTS - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
-A KUBE-SERVICES -m comment --comment "default/empty:http has no endpoints" -m tcp -p tcp -d 10.96.0.77/32 --dport 80 -j REJECT
-A KUBE-NODEPORTS -m comment --comment "default/lb:http health check node port" -m tcp -p tcp --dport 31000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
:KUBE-NODEPORTS - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SVC-ERIFXISQEP7F7OF4 - [0:0]
:KUBE-EXT-ERIFXISQEP7F7OF4 - [0:0]
:KUBE-SEP-6E7XQMQ4RAYOWTTM - [0:0]
:KUBE-SEP-IT2ZTR26TO4XFPTO - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-SERVICES -m comment --comment "default/web:http cluster IP" -m tcp -p tcp -d 10.96.0.10/32 --dport 80 -j KUBE-SVC-ERIFXISQEP7F7OF4
-A KUBE-NODEPORTS -m comment --comment default/web:http -m tcp -p tcp --dport 30080 -j KUBE-EXT-ERIFXISQEP7F7OF4
-A KUBE-EXT-ERIFXISQEP7F7OF4 -m comment --comment "pod traffic for default/web:http external destinations" -s 10.244.0.0/16 -j KUBE-SVC-ERIFXISQEP7F7OF4
-A KUBE-EXT-ERIFXISQEP7F7OF4 -m comment --comment "route LOCAL traffic for default/web:http external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-ERIFXISQEP7F7OF4
-A KUBE-EXT-ERIFXISQEP7F7OF4 -m comment --comment "masquerade traffic for default/web:http external destinations" -j KUBE-MARK-MASQ
-A KUBE-SVC-ERIFXISQEP7F7OF4 -m comment --comment "default/web:http cluster IP" -m tcp -p tcp -d 10.96.0.10/32 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ
-A KUBE-SVC-ERIFXISQEP7F7OF4 -m comment --comment "default/web:http -> 10.244.0.2:8080" -m recent --name KUBE-SEP-6E7XQMQ4RAYOWTTM --rcheck --seconds 10800 --reap -j KUBE-SEP-6E7XQMQ4RAYOWTTM
-A KUBE-SVC-ERIFXISQEP7F7OF4 -m comment --comment "default/web:http -> 10.244.0.2:8080" -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-6E7XQMQ4RAYOWTTM
-A KUBE-SVC-ERIFXISQEP7F7OF4 -m comment --comment "default/web:http -> 10.244.1.2:8080" -j KUBE-SEP-IT2ZTR26TO4XFPTO
-A KUBE-SEP-6E7XQMQ4RAYOWTTM -m comment --comment default/web:http -s 10.244.0.2/32 -j KUBE-MARK-MASQ
-A KUBE-SEP-6E7XQMQ4RAYOWTTM -m comment --comment default/web:http -m recent --name KUBE-SEP-6E7XQMQ4RAYOWTTM --set -m tcp -p tcp -j DNAT --to-destination 10.244.0.2:8080
-A KUBE-SEP-IT2ZTR26TO4XFPTO -m comment --comment default/web:http -m tcp -p tcp -j DNAT --to-destination 10.244.1.2:8080
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
END
step iptables-save -t nat
# One of the two is gone: its chain is flushed and deleted, rules that others added are kept.
iptables -t nat -A KUBE-MARK-MASQ -m comment --comment "not mine" -j RETURN
restored iptables-restore -w 5 -W 100000 --noflush --counters <<'END'
*nat
:KUBE-SVC-ERIFXISQEP7F7OF4 - [0:0]
:KUBE-SEP-IT2ZTR26TO4XFPTO - [0:0]
-A KUBE-SVC-ERIFXISQEP7F7OF4 -m comment --comment "default/web:http -> 10.244.0.2:8080" -m statistic --mode random --probability 0.3333333333 -j KUBE-SEP-6E7XQMQ4RAYOWTTM
-X KUBE-SEP-IT2ZTR26TO4XFPTO
COMMIT
END
# A chain that is still in use: nothing of this restore may stay.
restored iptables-restore -w 5 -W 100000 --noflush --counters <<'END'
*nat
:KUBE-SEP-6E7XQMQ4RAYOWTTM - [0:0]
-X KUBE-SEP-6E7XQMQ4RAYOWTTM
COMMIT
END
restored ip6tables-restore -w 5 -W 100000 --noflush --counters <<'END'
*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-SERVICES - [0:0]
[3:180] -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-SERVICES -m comment --comment "default/six cluster IP" -m udp -p udp -d fd00:96::10/128 --dport 53 -j KUBE-MARK-MASQ
-A KUBE-SERVICES -m udp -p udp --dport 5353 -j DNAT --to-destination [fd00:244::2]:53
COMMIT
END
# In its mode with ipsets.
ipset create KUBE-CLUSTER-IP hash:ip,port
ipset create KUBE-LOOP-BACK hash:ip,port,ip
restored iptables-restore -w 5 -W 100000 --noflush --counters <<'END'
*nat
:KUBE-SERVICES - [0:0]
:KUBE-POSTROUTING - [0:0]
-A KUBE-SERVICES -m comment --comment "Kubernetes service cluster ip + port for masquerade purpose" -m set --match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ
-A KUBE-POSTROUTING -m comment --comment "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose" -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE
COMMIT
END
# flannel, kubenet, MetalLB.
step there POSTROUTING -t nat -m comment --comment "flanneld masq" -s 10.244.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully
step there POSTROUTING -t nat -m comment --comment "flanneld masq" -s 10.244.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully
step there POSTROUTING -t nat ! -s 10.244.0.0/16 -d 10.244.0.0/24 -m comment --comment "flanneld masq" -j RETURN
step iptables -t nat -S POSTROUTING --wait
step iptables -t nat -n -L POSTROUTING --wait --line-numbers
# Calico: hashes of rules in comments, read back from the save file, and rules replaced by number.
restored iptables-nft-restore --noflush --verbose --wait=10 --wait-interval=50000 <<'END'
*filter
:cali-INPUT - -
:cali-fw-cali12345 - -
-A cali-INPUT -m comment --comment "cali:2O4zFsIIqZEpRoSe" -p 4 -m set --match-set KUBE-CLUSTER-IP src,src -m addrtype --dst-type LOCAL --jump ACCEPT
-A cali-INPUT -m comment --comment "cali:f_NN0vI0Wk8l4m1R" --jump MARK --set-mark 0x0/0xf0000
-A cali-INPUT -m comment --comment "cali:o9lcLSz0jHvVNoAe" -i cali+ --goto cali-fw-cali12345
-A cali-fw-cali12345 -m comment --comment "cali:xXeT1JbeQjDHLbuw" -m conntrack --ctstate RELATED,ESTABLISHED --jump ACCEPT
-A cali-fw-cali12345 -m comment --comment "cali:5q4jNRNBFfV2m5UT" -p udp -m multiport --destination-ports 4789,53 --jump DROP
-A cali-fw-cali12345 -m comment --comment "cali:9xjh" -p icmp -m icmp --icmp-type 8/0 --jump NFLOG --nflog-group 1 --nflog-prefix "DPI|default/x" --nflog-size 80
-I INPUT 1 -m comment --comment "cali:Cz_u1IQiXIMmKD4c" --jump cali-INPUT
COMMIT
END
restored iptables-nft-restore --noflush --verbose --wait=10 --wait-interval=50000 <<'END'
*filter
-R cali-INPUT 2 -m comment --comment "cali:changed" --jump MARK --set-mark 0x10000/0x10000
-D cali-INPUT 1
-D INPUT 1
-I INPUT 2 -m comment --comment "cali:Cz_u1IQiXIMmKD4c" --jump cali-INPUT
COMMIT
END
step iptables-nft-save -t filter
# Cilium: renamed chains, TPROXY and sockets, no tracking.
step iptables -w 5 -t mangle -N CILIUM_PRE_mangle
step iptables -w 5 -t mangle -A CILIUM_PRE_mangle -m socket --transparent --nowildcard -m comment --comment "cilium: any->pod redirect" -j MARK --set-mark 0x200
step iptables -w 5 -t mangle -A CILIUM_PRE_mangle -m socket --transparent -m comment --comment "cilium: any->pod redirect proxied traffic to host proxy" -j MARK --set-mark 0x00000200
step iptables -w 5 -t mangle -A CILIUM_PRE_mangle -p tcp -m mark --mark 0x10b70200 -m comment --comment "cilium: TPROXY" -j TPROXY --tproxy-mark 0x200 --on-ip 127.0.0.1 --on-port 33123
step iptables -w 5 -t mangle -A PREROUTING -m comment --comment "cilium-feeder: CILIUM_PRE_mangle" -j CILIUM_PRE_mangle
step iptables -w 5 -t raw -A PREROUTING -m mark --mark 0x00000200/0x00000f00 -m comment --comment "cilium: NOTRACK" -j CT --notrack
step iptables -w 5 -t mangle -E CILIUM_PRE_mangle OLD_CILIUM_PRE_mangle
step iptables -w 5 -t mangle -S
step iptables -w 5 -t mangle -D PREROUTING -m comment --comment "cilium-feeder: CILIUM_PRE_mangle" -j OLD_CILIUM_PRE_mangle
step iptables -w 5 -t mangle -F OLD_CILIUM_PRE_mangle
step iptables -w 5 -t mangle -X OLD_CILIUM_PRE_mangle
# Istio.
restored iptables-restore --noflush -v <<'END'
* nat
-N ISTIO_INBOUND
-N ISTIO_REDIRECT
-N ISTIO_OUTPUT
-A ISTIO_INBOUND -p tcp --dport 15008 -j RETURN
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A OUTPUT -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_REDIRECT
-A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
COMMIT
END
# And away with it all, as kube-proxy --cleanup and k3s-killall do it.
for chain in OUTPUT PREROUTING; do
    step iptables $quick -D $chain -t nat -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
done
restored iptables-restore -w 5 -W 100000 --noflush --counters <<'END'
*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
-X KUBE-SERVICES
-X KUBE-NODEPORTS
COMMIT
END
filtered() { "$1-save" | grep -v KUBE- | grep -v CNI- | grep -iv flannel | "$1-restore"; }
step filtered iptables
step filtered ip6tables
