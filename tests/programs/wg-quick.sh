# packages: wireguard-tools wireguard-go procps
# It prefers nft where there is one. WireGuard itself is wireguard-go, so no kernel needs to have it.
rm -f /usr/sbin/nft /sbin/nft
export WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go
mkdir -p /etc/wireguard
key=$(wg genkey)
peer=$(wg genkey | wg pubkey)
cat >/etc/wireguard/wg0.conf <<END
[Interface]
PrivateKey = $key
Address = 10.66.0.1/24, fd00:66::1/64
Table = off
PostUp = iptables -A FORWARD -i %i -j ACCEPT; iptables -A FORWARD -o %i -j ACCEPT; iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
PostUp = ip6tables -A FORWARD -i %i -j ACCEPT
PostUp = iptables -t mangle -A FORWARD -o %i -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
PreDown = iptables -t mangle -D FORWARD -o %i -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
PostDown = iptables -D FORWARD -i %i -j ACCEPT; iptables -D FORWARD -o %i -j ACCEPT; iptables -t nat -D POSTROUTING -o eth0 -j MASQUERADE
PostDown = ip6tables -D FORWARD -i %i -j ACCEPT
[Peer]
PublicKey = $peer
AllowedIPs = 10.66.0.2/32
END
# Everything through the tunnel: rules of its own, by iptables-restore -n, which it finds again by their comment.
cat >/etc/wireguard/wg1.conf <<END
[Interface]
PrivateKey = $key
Address = 10.67.0.1/24, fd00:67::1/64
[Peer]
PublicKey = $peer
AllowedIPs = 0.0.0.0/0, ::/0
END
scrub() { sed -E 's|/dev/fd/[0-9]+|/dev/fd/N|; s|fe80::[0-9a-f:]+|fe80::N|'; }
quiet() { "$@" >/tmp/quiet 2>&1 || { status=$?; cat /tmp/quiet; return "$status"; }; }
wg-quick up wg0 >/tmp/first 2>&1 || skip "no tunnel can be made here: $(tail -n 1 /tmp/first)"
wg-quick down wg0 >/dev/null 2>&1
step quiet wg-quick up wg0
step quiet wg-quick up wg1
step quiet wg-quick down wg1
step quiet wg-quick down wg0
step quiet wg-quick down wg0
