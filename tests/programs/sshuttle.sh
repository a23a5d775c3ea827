# packages: sshuttle
# The part that writes rules, as the client calls it: the methods nat and tproxy, both families. The other end of the tunnel is not needed.
firewall() { # firewall METHOD setup|restore USER
    python3 - "$@" <<'PYTHON'
import socket, sys
from importlib import import_module
name, what, user = sys.argv[1:]
user = None if user == "-" else user
method = import_module("sshuttle.methods." + name).Method(name)
six, four = socket.AF_INET6, socket.AF_INET
for family, port, servers, subnets in [
    (six, 12301, [(six, "2001:db8::53")], [(six, 64, False, "2001:db8:5::", 0, 0), (six, 128, True, "2001:db8:5::1", 80, 90)]),
    (four, 12300, [(four, "192.0.2.53")], [(four, 0, False, "0.0.0.0", 0, 0), (four, 8, True, "127.0.0.0", 0, 0), (four, 24, False, "198.51.100.0", 8000, 9000)]),
]:
    if what == "setup":
        method.setup_firewall(port, port + 1000, servers, family, subnets, name == "tproxy", user, "0x01")
    else:
        method.restore_firewall(port, family, name == "tproxy", user)
PYTHON
}
step firewall nat setup -
step firewall nat setup -
step firewall nat restore -
step firewall nat setup 1000
step firewall nat restore 1000
step firewall tproxy setup -
step firewall tproxy restore -
