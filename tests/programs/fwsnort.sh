# packages: fwsnort psad
# fwsnort reads iptables' listings and writes a save file with string matches; psad blocks addresses by a Perl module that reads listings.
mkdir -p /etc/fwsnort/snort_rules
cat >/etc/fwsnort/snort_rules/lab.rules <<'END'
alert tcp $EXTERNAL_NET any -> $HOME_NET 80 (msg:"WEB passwd access"; flow:to_server,established; content:"/etc/passwd"; nocase; classtype:attempted-recon; sid:1122; rev:5;)
alert tcp $EXTERNAL_NET any -> $HOME_NET 21 (msg:"FTP \"site\" exec; two"; flow:to_server,established; content:"SITE EXEC"; content:"|25 6E|"; offset:10; depth:40; classtype:bad-unknown; sid:361; rev:15;)
alert udp $EXTERNAL_NET any -> $HOME_NET 53 (msg:"DNS probe"; content:"|07|version|04|bind|00|"; classtype:attempted-recon; sid:1616; rev:6;)
alert icmp any any -> $HOME_NET any (msg:"ICMP ping NMAP"; dsize:0; itype:8; classtype:attempted-recon; sid:469; rev:3;)
alert tcp any any -> any 1024: (msg:"quote ' and $(sign)"; flags:S; content:"a'b"; sid:90001; rev:1;)
alert ip any any -> $HOME_NET any (msg:"BAD ttl"; ttl:0; sid:1321; rev:8;)
END
iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
iptables -A INPUT -j LOG --log-prefix "DROP "
iptables -P INPUT DROP
scrub() { sed -E '/[0-9]{2}:[0-9]{2}:[0-9]{2}/d'; }
step fwsnort --no-ipt-sync --verbose
step fwsnort --ipt-apply
step fwsnort --ipt-list
step fwsnort --no-ipt-sync --ipt-reject --ipt-script=/tmp/fwsnort.sh
step fwsnort --ipt-drop --ipt-apply
step fwsnort --ipt-flush
step fwsnort --ipt-revert
perl=$(cat <<'END'
use IPTables::Parse; use IPTables::ChainMgr;
for my $which ('iptables', 'ip6tables') {
    my $any = $which eq 'iptables' ? '0.0.0.0/0' : '::/0';
    my ($one, $net) = $which eq 'iptables' ? ('192.0.2.5', '198.51.100.0/24') : ('2001:db8::5', '2001:db8:1::/48');
    my $ipt = IPTables::ChainMgr->new("$which" => "/usr/sbin/$which", 'debug' => 0, 'verbose' => 0, 'use_ipv6' => $which ne 'iptables');
    my @all = ($ipt->chain_exists('filter', 'INPUT'), $ipt->create_chain('filter', 'LAB'), $ipt->create_chain('filter', 'LAB'),
        $ipt->add_jump_rule('filter', 'INPUT', 1, 'LAB'), $ipt->add_jump_rule('filter', 'INPUT', 1, 'LAB'),
        $ipt->add_ip_rule($one, $any, 10, 'filter', 'LAB', 'DROP', {}),
        $ipt->add_ip_rule($net, $any, 1, 'filter', 'LAB', 'DROP', {'protocol' => 'tcp', 's_port' => 1024, 'd_port' => 80}),
        $ipt->append_ip_rule($any, $one, 'filter', 'LAB', 'ACCEPT', {'protocol' => 'udp', 'd_port' => '5000:6000', 'ctstate' => 'ESTABLISHED,NEW'}),
        $ipt->append_ip_rule($any, $one, 'filter', 'LAB', 'ACCEPT', {'mac_source' => '00:11:22:33:44:55'}),
        $ipt->find_ip_rule($one, $any, 'filter', 'LAB', 'DROP', {'normalize' => 1}),
        $ipt->find_ip_rule($net, $any, 'filter', 'LAB', 'DROP', {'normalize' => 1, 'protocol' => 'tcp', 's_port' => 1024, 'd_port' => 80}),
        $ipt->delete_ip_rule($one, $any, 'filter', 'LAB', 'DROP', {}));
    print "$which: ", join(' | ', map { ref $_ ? join('/', map { my $t = $_; chomp $t; $t } @$_) : $_ } @all), "\n";
    my $parse = IPTables::Parse->new("$which" => "/usr/sbin/$which", 'use_ipv6' => $which ne 'iptables');
    for my $chain ('INPUT', 'LAB') {
        print "$chain ", $parse->chain_policy('filter', $chain) // '', "\n";
        for my $rule (@{$parse->chain_rules('filter', $chain)}) {
            print join(' ', map { "$_=" . ($rule->{$_} // '') } sort keys %$rule), "\n";
        }
    }
    my ($log) = $parse->default_log('filter', 'INPUT');
    my ($drop) = $parse->default_drop('filter', 'INPUT');
    for my $hash ($log, $drop) {
        print ref $hash ? join(' ', map { "$_: " . join(',', map { $_ } sort keys %{$hash->{$_}}) } sort keys %$hash) : $hash // '', "\n";
    }
    $ipt->delete_chain('filter', 'INPUT', 'LAB');
}
END
)
modules() { perl -e "$perl"; }
step modules
step fwsnort --ipt-flush
