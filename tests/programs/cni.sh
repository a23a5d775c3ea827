# packages: containernetworking-plugins
# The plugins take the families in any order.
order() { if [ "$1" = calls ]; then sort -s -k 1,1; else cat; fi; }
export CNI_PATH=/usr/lib/cni CNI_CONTAINERID=box1 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/box
ip netns add box
network() { # network PLUGIN REST: the configuration of one plugin of the chain, behind the result of the one before
    printf '{"cniVersion":"0.4.0","name":"lab","type":"%s",%s' "$1" "$2"
    [ -s /tmp/result ] && printf ',"prevResult":%s' "$(cat /tmp/result)"
    printf '}'
}
bridge='"bridge":"cni0","isGateway":true,"ipMasq":true,"ipam":{"type":"static","addresses":[{"address":"10.88.0.5/16","gateway":"10.88.0.1"},{"address":"fd00:88::5/64","gateway":"fd00:88::1"}],"routes":[{"dst":"0.0.0.0/0"}]}'
portmap='"capabilities":{"portMappings":true},"snat":true,"runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"},{"hostPort":5353,"containerPort":53,"protocol":"udp","hostIP":"192.0.2.10"}]}'
firewall='"backend":"iptables","iptablesAdminChainName":"MINE"'
scrub() { sed -E 's/([0-9a-f]{2}:){5}[0-9a-f]{2}/MAC/; s/veth[0-9a-f]+/vethN/'; }
plugin() { # plugin COMMAND NAME REST
    local out status=0
    out=$(network "$2" "$3" | CNI_COMMAND=$1 "$CNI_PATH/$2") || status=$?
    printf '%s\n' "$out"
    [ "$1" != ADD ] || [ "$status" -ne 0 ] || printf '%s' "$out" >/tmp/result
    return "$status"
}
step plugin ADD bridge "$bridge"
step plugin ADD portmap "$portmap"
step plugin ADD firewall "$firewall"
step plugin CHECK bridge "$bridge"
step plugin CHECK portmap "$portmap"
step plugin CHECK firewall "$firewall"
step plugin DEL firewall "$firewall"
step plugin DEL portmap "$portmap"
step plugin DEL portmap "$portmap"
step plugin DEL bridge "$bridge"
