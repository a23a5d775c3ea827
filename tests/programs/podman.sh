# packages: podman netavark aardvark-dns containernetworking-plugins crun busybox-static
# With netavark and with the CNI plugins, which it chooses by its configuration.
scrub() { sed -E 's/\b[0-9a-f]{64}\b/ID/g; s/\bCNI-[0-9a-f]{24}\b/CNI-ID/g; s/\bCNI-(DN|SN)-[0-9a-f]{21}\b/CNI-\1-ID/g; s/([0-9a-f]{2}:){5}[0-9a-f]{2}/MAC/'; }
# CNI's chains are named by hashes of random numbers, its plugins take families and networks in any order.
order() { if [ "$backend" = cni ]; then sort; else cat; fi; }
# Without cgroups, and without anything of the host's.
mount -t cgroup2 cgroup /sys/fs/cgroup
mkdir -p /etc/containers /tmp/store /tmp/image/bin
printf '[storage]\ndriver = "vfs"\ngraphroot = "/tmp/store"\nrunroot = "/run/containers/storage"\n' >/etc/containers/storage.conf
chosen() { # chosen BACKEND: from here on, without a trace of the other one
    backend=$1
    podman rm -fa >/dev/null 2>&1 || true
    rm -rf /tmp/store /run/containers /run/libpod /etc/containers/networks /etc/cni/net.d
    printf '[containers]\ncgroups = "disabled"\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n[network]\nnetwork_backend = "%s"\n' \
        "$1" >/etc/containers/containers.conf
    tar -C /tmp/image -c . | podman import -q - box
}
box() { # box NAME OPTIONS…: a container that sleeps
    podman run -d --name "$@" box /bin/busybox sleep 1000
}
cp /bin/busybox /tmp/image/bin/
chosen netavark >/tmp/first 2>&1 || skip "podman does not run here: $(paste -sd ' ' /tmp/first)"
podman run --rm --network none box /bin/busybox true >/tmp/first 2>&1 || skip "no container can run here: $(paste -sd ' ' /tmp/first)"
for backend in netavark cni; do
    step chosen "$backend"
    step podman network create --subnet 10.99.0.0/24 lab
    step podman network create --internal --subnet 10.98.0.0/24 inner
    step podman network create --ipv6 --subnet fd00:66::/64 --subnet 10.97.0.0/24 --disable-dns six
    # One port each: netavark takes several in any order.
    step box web --network lab:ip=10.99.0.5 -p 8080:80
    step box names --network lab -p 192.0.2.10:5353:53/udp
    step box six --network six:ip=10.97.0.5,ip6=fd00:66::5 -p '[2001:db8::10]:8443:443'
    step box plain -p 127.0.0.1:9000-9003:9000-9003
    step podman network connect inner web
    iptables -F
    iptables -t nat -F
    step podman network reload web
    for name in names six plain; do step podman network reload "$name"; done
    step podman stop -t 0 names
    step podman start names
    step podman network disconnect lab names
    for name in web six names plain; do step podman rm -f -t 0 "$name"; done
    step podman network rm lab inner six
done
