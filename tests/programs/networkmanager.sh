# packages: network-manager dbus dnsmasq-base
# Shared connections, with its iptables backend.
mkdir -p /run/dbus /etc/NetworkManager/conf.d
dbus-daemon --system --fork
printf '[main]\nplugins=keyfile\nfirewall-backend=iptables\n[keyfile]\nunmanaged-devices=*,except:interface-name:eth1,except:interface-name:br*\n' >/etc/NetworkManager/conf.d/lab.conf
daemon() {
    NetworkManager --no-daemon >/tmp/nm.log 2>&1 &
    echo $! >/tmp/nm.job
    local tries
    for ((tries = 0; tries < 120; tries++)); do
        nmcli -t -f RUNNING general 2>/dev/null | grep -qx running && return 0
        kill -0 "$(cat /tmp/nm.job)" 2>/dev/null || break
        sleep 0.5
    done
    tail -n 5 /tmp/nm.log
    return 1
}
daemon >/tmp/first 2>&1 || skip "NetworkManager does not start here: $(tail -n 1 /tmp/first)"
scrub() { sed -E 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/UUID/; s|ActiveConnection/[0-9]+|ActiveConnection/N|'; }
# It goes on when nmcli has its answer already; these are the last calls.
connection() { # connection up|down NAME BRIDGE
    local tries before last="--insert FORWARD .* nm-shared-$3"
    [ "$1" = up ] || last="--delete-chain nm-sh-fw-$3"
    before=$(grep -c -e "$last" "$results/calls")
    nmcli connection "$1" "$2" >/tmp/nmcli 2>&1 || { cat /tmp/nmcli; return 1; }
    for ((tries = 0; tries < 240; tries++)); do
        [ "$(grep -c -e "$last" "$results/calls")" -eq "$before" ] || return 0
        sleep 0.25
    done
    return 1
}
nmcli connection add type bridge ifname br0 con-name lab ipv4.method shared ipv4.addresses 10.42.0.1/24 ipv6.method disabled autoconnect no bridge.stp no >/dev/null
nmcli connection add type bridge ifname br1 con-name two ipv4.method shared ipv4.addresses 10.43.0.1/24 ipv6.method disabled autoconnect no bridge.stp no >/dev/null
step connection up lab br0
step connection up two br1
step connection down lab br0
step connection up lab br0
step connection down two br1
step connection down lab br0
