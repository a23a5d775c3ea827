# packages: pyroman
step pyroman --print
step pyroman --safe </dev/null
step pyroman
printf 'iptables("INPUT", "-p tcp --dport nonsense -j ACCEPT")\n' >/etc/pyroman/90_mistake.py
step pyroman
rm /etc/pyroman/90_mistake.py
printf 'add_interface("ext", "eth0")\nadd_interface("int", "eth1")\nadd_host(name="NET", ip="0.0.0.0/0", iface="ext")\nadd_host(name="LAN", ip="10.0.0.0/24", iface="int")\nadd_service("web", dports="80/tcp 443/tcp 5000:6000/udp")\nallow(client="NET", server="LAN", service="web")\nreject(client="LAN", server="NET", service="web")\nadd_nat(client="LAN", server="NET", ip="192.0.2.10", dir="out")\n' >/etc/pyroman/50_lab.py
step pyroman
