# packages: docker.io busybox-static
scrub() { sed -E 's/[0-9a-f]{64}/ID/g; s/\b[0-9a-f]{12}\b/ID/g; s/127\.0\.0\.11:[0-9]+/127.0.0.11:N/; s/(127\.0\.0\.11 .*--sport) [0-9]+/\1 N/'; }
order() { sort; }
mkdir -p /tmp/docker /etc/docker
mount -t tmpfs tmpfs /var/lib
# Containers need a cgroup hierarchy; it is left as it was found.
mount -t cgroup2 cgroup /sys/fs/cgroup
trap "rmdir /sys/fs/cgroup/docker 2>/dev/null || true" EXIT
echo '{"storage-driver":"vfs","data-root":"/tmp/docker","iptables":true,"ip6tables":true,"experimental":true,"ipv6":true,"fixed-cidr-v6":"fd00:77::/64"}' >/etc/docker/daemon.json
daemon() {
    dockerd >/tmp/dockerd.log 2>&1 &
    echo $! >/tmp/dockerd.job
    local tries
    for ((tries = 0; tries < 120; tries++)); do
        docker version >/dev/null 2>&1 && return 0
        kill -0 "$(cat /tmp/dockerd.job)" 2>/dev/null || break
        sleep 0.5
    done
    tail -n 5 /tmp/dockerd.log
    return 1
}
gone() {
    local tries
    kill "$(cat /tmp/dockerd.job)"
    for ((tries = 0; tries < 60; tries++)); do
        kill -0 "$(cat /tmp/dockerd.job)" 2>/dev/null || return 0
        sleep 0.5
    done
    return 1
}
daemon >/tmp/first 2>&1 || skip "dockerd does not start here: $(tail -n 1 /tmp/first)"
gone
step daemon
step docker network create --subnet 10.99.0.0/24 --opt com.docker.network.bridge.name=br-lab lab
step docker network create --internal --subnet 10.98.0.0/24 --opt com.docker.network.bridge.name=br-in inner
step docker network create --ipv6 --subnet fd00:66::/64 --subnet 10.97.0.0/24 --opt com.docker.network.bridge.name=br-six --opt com.docker.network.bridge.enable_icc=false six
mkdir -p /tmp/image/bin
cp /bin/busybox /tmp/image/bin/
tar -C /tmp/image -c . | docker import - box >/dev/null
if docker run --rm box /bin/busybox true >/tmp/first 2>&1; then
    step docker run -d --name web --network lab --ip 10.99.0.5 -p 8080:80 -p 192.0.2.10:5353:53/udp box /bin/busybox sleep 1000
    step docker run -d --name six --network six --ip6 fd00:66::5 --ip 10.97.0.5 -p 8443:443 box /bin/busybox sleep 1000
    step docker network connect --ip 10.98.0.5 inner web
    step docker rm -f web six
else
    echo "no container can run here: $(tail -n 1 /tmp/first)" >>"$results/skipped"
fi
step docker network rm lab
step gone
step daemon
step docker network rm inner six
step gone
