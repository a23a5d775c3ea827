# packages: libvirt-daemon libvirt-clients libvirt-daemon-config-nwfilter libvirt-daemon-driver-qemu dnsmasq-base qemu-system-x86
useradd -r libvirt-qemu
printf 'auth_unix_rw = "none"\n' >>/etc/libvirt/libvirtd.conf
# Nothing of it but networks and their filters: no cgroups, no /dev of its own.
printf '%s\n' 'user = "root"' 'group = "root"' 'security_driver = "none"' 'cgroup_controllers = []' 'namespaces = []' \
    'stdio_handler = "file"' >>/etc/libvirt/qemu.conf
export LIBVIRT_DEFAULT_URI=qemu:///system
scrub() { sed -E 's/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/UUID/'; }
daemon() {
    libvirtd >/tmp/libvirtd.log 2>&1 &
    echo $! >/tmp/libvirtd.job
    local tries
    for ((tries = 0; tries < 240; tries++)); do
        # The networks' rules are made before clients are answered.
        virsh net-list >/dev/null 2>&1 && return 0
        kill -0 "$(cat /tmp/libvirtd.job)" 2>/dev/null || break
        sleep 0.5
    done
    tail -n 5 /tmp/libvirtd.log
    return 1
}
gone() {
    kill "$(cat /tmp/libvirtd.job)"
    wait "$(cat /tmp/libvirtd.job)"
}
# A SIGHUP makes it write the networks' rules again; the last call is this one.
reload() {
    local tries before
    before=$(grep -c -e "$1" "$results/calls")
    kill -HUP "$(cat /tmp/libvirtd.job)"
    for ((tries = 0; tries < 240; tries++)); do
        [ "$(grep -c -e "$1" "$results/calls")" -eq "$before" ] || return 0
        sleep 0.5
    done
    return 1
}
network() { # network NAME XML: defines and starts it
    printf "<network><name>%s</name><bridge name='virbr-%s'/><mac address='52:54:00:00:00:01'/>%s</network>\n" "$1" "$1" "$2" >"$1.xml"
    virsh net-define "$1.xml" >/dev/null
    step virsh net-start "$1"
}
step daemon
network nat "<forward mode='nat'/><ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp><tftp root='/srv'/></ip>"
network ports "<forward mode='nat' dev='eth0'><nat><address start='192.0.2.20' end='192.0.2.29'/><port start='5000' end='5999'/></nat></forward><ip address='192.168.123.1' netmask='255.255.255.0'/>"
network six "<forward mode='nat'><nat ipv6='yes'/></forward><ip address='192.168.124.1' netmask='255.255.255.0'><dhcp><range start='192.168.124.2' end='192.168.124.9'/></dhcp></ip><ip family='ipv6' address='fd00:24::1' prefix='64'><dhcp><range start='fd00:24::10' end='fd00:24::ff'/></dhcp></ip>"
network routed "<forward mode='route' dev='eth1'/><ip address='192.168.125.1' netmask='255.255.255.0'/><ip family='ipv6' address='2001:db8:25::1' prefix='64'/>"
network inner "<ip address='192.168.126.1' netmask='255.255.255.0'><dhcp><range start='192.168.126.2' end='192.168.126.9'/></dhcp></ip>"
network open "<forward mode='open'/><ip address='192.168.127.1' netmask='255.255.255.0'/>"
for name in nat ports routed inner open; do step virsh net-destroy "$name"; done
# With one network, because it takes several in the order of a random hash.
step reload 'insert LIBVIRT_PRT --out-interface virbr-six .* CHECKSUM'
iptables -F
iptables -t nat -F
iptables -t nat -X LIBVIRT_PRT
step gone
step daemon

# A machine whose traffic is filtered, with a hook that forwards a port.
mkdir -p /etc/libvirt/hooks
cat >/etc/libvirt/hooks/qemu <<'HOOK'
#!/bin/sh
[ "$1" = box ] || exit 0
case $2 in
    started) iptables -w -t nat -A PREROUTING -d 192.0.2.10 -p tcp --dport 2222 -j DNAT --to 192.168.124.5:22
        iptables -w -I FORWARD -o virbr-six -d 192.168.124.5 -p tcp --dport 22 -m state --state NEW -j ACCEPT ;;
    stopped) iptables -w -t nat -D PREROUTING -d 192.0.2.10 -p tcp --dport 2222 -j DNAT --to 192.168.124.5:22
        iptables -w -D FORWARD -o virbr-six -d 192.168.124.5 -p tcp --dport 22 -m state --state NEW -j ACCEPT ;;
esac
HOOK
chmod +x /etc/libvirt/hooks/qemu
cat >filter.xml <<'XML'
<filter name='box' chain='root'>
  <uuid>11111111-2222-3333-4444-555555555555</uuid>
  <filterref filter='clean-traffic'/>
  <rule action='accept' direction='in'><tcp dstportstart='22' comment='ssh "from" outside'/></rule>
  <rule action='accept' direction='in'><tcp srcipaddr='198.51.100.0' srcipmask='24' dstportstart='80' dstportend='90' flags='SYN,ACK/SYN'/></rule>
  <rule action='drop' direction='in'><tcp connlimit-above='5' dstportstart='25'/></rule>
  <rule action='reject' direction='out' statematch='false'><udp dstportstart='53' srcportstart='1024' srcportend='65535'/></rule>
  <rule action='accept' direction='out'><udp dscp='0x2e' dstipfrom='203.0.113.5' dstipto='203.0.113.9'/></rule>
  <rule action='accept' direction='inout'><icmp type='8' code='0'/></rule>
  <rule action='return' direction='out'><all state='ESTABLISHED,RELATED'/></rule>
  <rule action='accept' direction='in'><sctp dstportstart='9'/></rule>
  <rule action='accept' direction='out'><esp/></rule>
  <rule action='accept' direction='out'><igmp srcmacaddr='52:54:00:00:00:11'/></rule>
  <rule action='accept' direction='in'><tcp-ipv6 srcipaddr='2001:db8::' srcipmask='32' dstportstart='443'/></rule>
  <rule action='accept' direction='inout'><icmpv6 type='128'/></rule>
  <rule action='drop' direction='inout'><all/></rule>
  <rule action='drop' direction='inout'><all-ipv6/></rule>
</filter>
XML
cat >box.xml <<'XML'
<domain type='qemu'>
  <name>box</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <interface type='network'><source network='six'/><mac address='52:54:00:00:00:11'/><target dev='tapbox'/>
      <filterref filter='box'><parameter name='IP' value='192.168.124.5'/></filterref></interface>
  </devices>
</domain>
XML
step virsh nwfilter-define filter.xml
virsh define box.xml >/dev/null
if virsh start --paused box >/tmp/first 2>&1; then
    virsh destroy box >/dev/null
    step virsh start --paused box
    sed -i "s/dstportstart='22'/dstportstart='2200'/" filter.xml
    step virsh nwfilter-define filter.xml
    step reload "ip6tables -w -E HJ-tapbox HI-tapbox"
    step virsh destroy box
else
    echo "no machine can run here: $(paste -sd " " /tmp/first)" >>"$results/skipped"
fi
step virsh net-destroy six
step gone
