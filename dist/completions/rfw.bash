# Completion of rfw, rfw-restore and rfw-save for bash; made by `rfw completions bash`, do not edit.

# The options of a match or target, by any word that loads it.
_rfw_extension() {
    case $1 in
        addrtype) printf '%s ' --src-type --dst-type --limit-iface-in --limit-iface-out ;;
        ah|51) printf '%s ' --ahspi --ahlen --ahres ;;
        bpf) printf '%s ' --bytecode --object-pinned ;;
        cgroup) printf '%s ' --path --cgroup ;;
        cluster) printf '%s ' --cluster-total-nodes --cluster-local-node --cluster-local-nodemask --cluster-hash-seed ;;
        comment) printf '%s ' --comment ;;
        connbytes) printf '%s ' --connbytes --connbytes-dir --connbytes-mode ;;
        connlabel) printf '%s ' --label --set ;;
        connlimit) printf '%s ' --connlimit-upto --connlimit-above --connlimit-mask --connlimit-saddr --connlimit-daddr ;;
        connmark) printf '%s ' --mark ;;
        conntrack) printf '%s ' --ctstate --ctproto --ctorigsrc --ctorigdst --ctreplsrc --ctrepldst --ctorigsrcport --ctorigdstport --ctreplsrcport --ctrepldstport --ctstatus --ctexpire --ctdir ;;
        cpu) printf '%s ' --cpu ;;
        dccp|33) printf '%s ' --source-port --sport --destination-port --dport --dccp-types --dccp-option ;;
        devgroup) printf '%s ' --src-group --dst-group ;;
        dscp) printf '%s ' --dscp --dscp-class ;;
        dst) printf '%s ' --dst-len --dst-opts ;;
        ecn) printf '%s ' --ecn-tcp-cwr --ecn-tcp-ece --ecn-ip-ect ;;
        esp|50) printf '%s ' --espspi ;;
        frag) printf '%s ' --fragid --fraglen --fragres --fragfirst --fragmore --fraglast ;;
        hashlimit) printf '%s ' --hashlimit-upto --hashlimit-above --hashlimit --hashlimit-srcmask --hashlimit-dstmask --hashlimit-burst --hashlimit-htable-size --hashlimit-htable-max --hashlimit-htable-gcinterval --hashlimit-htable-expire --hashlimit-mode --hashlimit-name --hashlimit-rate-match --hashlimit-rate-interval ;;
        hbh) printf '%s ' --hbh-len --hbh-opts ;;
        helper) printf '%s ' --helper ;;
        hl) printf '%s ' --hl-lt --hl-gt --hl-eq --hl ;;
        icmp|1) printf '%s ' --icmp-type ;;
        icmp6|icmpv6|ipv6-icmp|58) printf '%s ' --icmpv6-type ;;
        ipcomp|108) printf '%s ' --ipcompspi --compres ;;
        iprange) printf '%s ' --src-range --dst-range ;;
        ipv6header) printf '%s ' --header --soft ;;
        ipvs) printf '%s ' --ipvs --vproto --vaddr --vport --vdir --vmethod --vportctl ;;
        length) printf '%s ' --length ;;
        limit) printf '%s ' --limit --limit-burst ;;
        mac) printf '%s ' --mac-source ;;
        mark) printf '%s ' --mark ;;
        mh) printf '%s ' --mh-type ;;
        multiport) printf '%s ' --source-ports --sports --destination-ports --dports --ports ;;
        nfacct) printf '%s ' --nfacct-name ;;
        osf) printf '%s ' --genre --ttl --log ;;
        owner) printf '%s ' --uid-owner --gid-owner --socket-exists --suppl-groups ;;
        physdev) printf '%s ' --physdev-in --physdev-out --physdev-is-in --physdev-is-out --physdev-is-bridged ;;
        pkttype) printf '%s ' --pkt-type ;;
        policy) printf '%s ' --dir --pol --strict --reqid --spi --tunnel-src --tunnel-dst --proto --mode --next ;;
        quota) printf '%s ' --quota ;;
        rateest) printf '%s ' --rateest1 --rateest --rateest2 --rateest-bps1 --rateest-pps1 --rateest-bps2 --rateest-pps2 --rateest-bps --rateest-pps --rateest-delta --rateest-lt --rateest-gt --rateest-eq ;;
        realm) printf '%s ' --realm ;;
        recent) printf '%s ' --set --rcheck --update --remove --seconds --reap --hitcount --rttl --name --rsource --rdest --mask ;;
        rpfilter) printf '%s ' --loose --validmark --accept-local --invert ;;
        rt) printf '%s ' --rt-type --rt-segsleft --rt-len --rt-0-res --rt-0-addrs --rt-0-not-strict ;;
        sctp|132) printf '%s ' --source-port --sport --destination-port --dport --chunk-types ;;
        set) printf '%s ' --match-set --set --return-nomatch --update-counters --update-subcounters --packets-eq --packets-lt --packets-gt --bytes-eq --bytes-lt --bytes-gt ;;
        socket) printf '%s ' --transparent --nowildcard --restore-skmark ;;
        srh) printf '%s ' --srh-next-hdr --srh-hdr-len-eq --srh-hdr-len-gt --srh-hdr-len-lt --srh-segs-left-eq --srh-segs-left-gt --srh-segs-left-lt --srh-last-entry-eq --srh-last-entry-gt --srh-last-entry-lt --srh-tag --srh-psid --srh-nsid --srh-lsid ;;
        state) printf '%s ' --state ;;
        statistic) printf '%s ' --mode --probability --every --packet ;;
        string) printf '%s ' --from --to --algo --string --hex-string --icase ;;
        tcp|6) printf '%s ' --source-port --sport --destination-port --dport --tcp-flags --syn --tcp-option ;;
        tcpmss) printf '%s ' --mss ;;
        time) printf '%s ' --datestart --datestop --timestart --timestop --weekdays --monthdays --localtz --utc --kerneltz --contiguous ;;
        tos) printf '%s ' --tos ;;
        ttl) printf '%s ' --ttl-lt --ttl-gt --ttl-eq --ttl ;;
        u32) printf '%s ' --u32 ;;
        udp|17) printf '%s ' --source-port --sport --destination-port --dport ;;
        AUDIT) printf '%s ' --type ;;
        CHECKSUM) printf '%s ' --checksum-fill ;;
        CLASSIFY) printf '%s ' --set-class ;;
        CLUSTERIP) printf '%s ' --new --hashmode --clustermac --total-nodes --local-node --hash-init ;;
        CONNMARK) printf '%s ' --set-xmark --set-mark --and-mark --or-mark --xor-mark --save-mark --restore-mark --left-shift-mark --right-shift-mark --ctmask --nfmask --mask ;;
        CONNSECMARK) printf '%s ' --save --restore ;;
        CT) printf '%s ' --notrack --helper --timeout --ctevents --expevents --zone-orig --zone-reply --zone ;;
        DNAT) printf '%s ' --to-destination --random --persistent ;;
        DNPT) printf '%s ' --src-pfx --dst-pfx ;;
        DSCP) printf '%s ' --set-dscp --set-dscp-class ;;
        ECN) printf '%s ' --ecn-tcp-remove --ecn-tcp-cwr --ecn-tcp-ece --ecn-ip-ect ;;
        HL) printf '%s ' --hl-set --hl-dec --hl-inc ;;
        HMARK) printf '%s ' --hmark-tuple --hmark-src-prefix --hmark-dst-prefix --hmark-sport-mask --hmark-dport-mask --hmark-spi-mask --hmark-sport --hmark-dport --hmark-spi --hmark-proto-mask --hmark-rnd --hmark-mod --hmark-offset ;;
        IDLETIMER) printf '%s ' --timeout --label --alarm ;;
        LED) printf '%s ' --led-trigger-id --led-delay --led-always-blink ;;
        LOG) printf '%s ' --log-level --log-prefix --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid --log-macdecode ;;
        MARK) printf '%s ' --set-xmark --set-mark --and-mark --or-mark --xor-mark ;;
        MASQUERADE) printf '%s ' --to-ports --random --random-fully ;;
        NETMAP) printf '%s ' --to ;;
        NFLOG) printf '%s ' --nflog-group --nflog-prefix --nflog-range --nflog-size --nflog-threshold ;;
        NFQUEUE) printf '%s ' --queue-num --queue-balance --queue-bypass --queue-cpu-fanout ;;
        RATEEST) printf '%s ' --rateest-name --rateest-interval --rateest-ewmalog ;;
        REDIRECT) printf '%s ' --to-ports --random ;;
        REJECT) printf '%s ' --reject-with ;;
        SECMARK) printf '%s ' --selctx ;;
        SET) printf '%s ' --add-set --del-set --map-set --exist --timeout --map-mark --map-prio --map-queue ;;
        SNAT) printf '%s ' --to-source --random --random-fully --persistent ;;
        SNPT) printf '%s ' --src-pfx --dst-pfx ;;
        SYNPROXY) printf '%s ' --sack-perm --timestamp --wscale --mss --ecn ;;
        TCPMSS) printf '%s ' --set-mss --clamp-mss-to-pmtu ;;
        TCPOPTSTRIP) printf '%s ' --strip-options ;;
        TEE) printf '%s ' --gateway --oif ;;
        TOS) printf '%s ' --set-tos --and-tos --or-tos --xor-tos ;;
        TPROXY) printf '%s ' --on-port --on-ip --tproxy-mark ;;
        TTL) printf '%s ' --ttl-set --ttl-dec --ttl-inc ;;
        ULOG) printf '%s ' --ulog-nlgroup --ulog-prefix --ulog-cprange --ulog-qthreshold ;;
    esac
}

# Takes the words that begin with what was typed.
_rfw_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# Chains of the table, where they may be read.
_rfw_chains() {
    local line
    while read -r line; do
        line=${line#-? }
        printf '%s\n' "${line%% *}"
    done < <("${COMP_WORDS[0]}" -t "$table" -S 2>/dev/null | grep '^-[NP] ')
}

_rfw_interfaces() {
    local path
    for path in /sys/class/net/*; do printf '%s\n' "${path##*/}"; done
}

_rfw_rule() {
    local table=filter loaded= index
    for (( index = 1; index < COMP_CWORD; index++ )); do
        case ${COMP_WORDS[index]} in
            -t|--table) table=${COMP_WORDS[index+1]} ;;
            -m|--match|-j|--jump|-p|--protocol) loaded+=" $(_rfw_extension "${COMP_WORDS[index+1]}")" ;;
        esac
    done
    case $prev in
        -t|--table) _rfw_words "$_rfw_tables" ;;
        -m|--match) _rfw_words "$_rfw_matches" ;;
        -j|--jump) _rfw_words "$_rfw_targets $(_rfw_chains)" ;;
        -p|--protocol) _rfw_words "$_rfw_protocols" ;;
        -i|-o|--in-interface|--out-interface) _rfw_words "$(_rfw_interfaces)" ;;
        --encoding) _rfw_words "auto native compat" ;;
        --compat-version) _rfw_words "1.8.9 1.8.11" ;;
        -[ACDIRLSFZXEPg]|--append|--check|--delete|--insert|--replace|--list|--list-rules|--flush|--zero|--delete-chain|--rename-chain|--policy|--goto)
            _rfw_words "$(_rfw_chains)" ;;
        *) [[ $cur == -* ]] && _rfw_words "$_rfw_options$loaded" ;;
    esac
}

_rfw_restore() {
    case $prev in
        -T|--table) _rfw_words "$_rfw_tables" ;;
        --encoding) _rfw_words "auto native compat" ;;
        --compat-version) _rfw_words "1.8.9 1.8.11" ;;
        *) if [[ $cur == -* ]]; then _rfw_words "$_rfw_restore_options"; else mapfile -t COMPREPLY < <(compgen -f -- "$cur"); fi ;;
    esac
}

_rfw_save() {
    case $prev in
        -t|--table) _rfw_words "$_rfw_tables" ;;
        -f|--file) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        *) _rfw_words "$_rfw_save_options" ;;
    esac
}

_rfw_own() {
    local path=${COMP_WORDS[1]} options= values= files=yes
    [[ $path == restore ]] && { _rfw_restore; return; }
    [[ $path == save ]] && { _rfw_save; return; }
    (( COMP_CWORD > 2 )) && [[ " $_rfw_groups " == *" $path "* ]] && path+=" ${COMP_WORDS[2]}"
    case $path in
        'restore')
            options=''
            ;;
        'save')
            options=''
            ;;
        'translate')
            options='--restore --json --approximate'
            ;;
        'lint')
            options='--live --pair -4 --ipv4 -6 --ipv6 --format --color --select --ignore --severity --fail-on --exit-zero --config --isolated --baseline --write-baseline --require-reason --fix --unsafe-fixes --diff --analysis-budget'
            case $prev in
                --format) values='text json sarif github junit' ;;
                --color) values='auto always never' ;;
                --fail-on) values='info warn error' ;;
            esac
            ;;
        'lsp')
            options=''
            ;;
        'rules')
            options='--format'
            case $prev in
                --format) values='text json' ;;
            esac
            ;;
        'explain')
            options=''
            ;;
        'monitor')
            options='-e --event -t --trace -4 --ipv4 -6 --ipv6 -c --counters'
            ;;
        'apply')
            options='-t --timeout -6 --ipv6'
            ;;
        'persist save')
            options='--dir -4 --ipv4 -6 --ipv6 --fallback-dir -c --counters'
            ;;
        'persist load')
            options='--dir -4 --ipv4 -6 --ipv6 --fallback-dir -c --counters --keep'
            ;;
        'persist status')
            options='--dir -4 --ipv4 -6 --ipv6 --fallback-dir'
            ;;
        'completions')
            options=''
            [[ $cur != -* ]] && values='bash fish zsh'
            ;;
        persist) values='save load status' ;;
    esac
    if [[ -n $values ]]; then _rfw_words "$values"
    elif [[ $cur == -* ]]; then _rfw_words "$options"
    elif [[ -n $files ]]; then mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}

_rfw() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    case ${COMP_WORDS[0]##*/} in
        *-restore) _rfw_restore ;;
        *-save) _rfw_save ;;
        *)
            if (( COMP_CWORD == 1 )) && [[ $cur != -* ]]; then _rfw_words "$_rfw_commands"
            elif [[ ${COMP_WORDS[1]} == [a-z]* ]]; then _rfw_own
            else _rfw_rule
            fi ;;
    esac
}

complete -F _rfw rfw rfw6 rfw-restore rfw6-restore rfw-save rfw6-save
_rfw_tables='filter nat mangle raw security'
_rfw_matches='addrtype ah bpf cgroup cluster comment connbytes connlabel connlimit connmark conntrack cpu dccp devgroup dscp dst ecn esp eui64 frag hashlimit hbh helper hl icmp icmp6 ipcomp iprange ipv6header ipvs length limit mac mark mh multiport nfacct osf owner physdev pkttype policy quota rateest realm recent rpfilter rt sctp set socket srh state statistic string tcp tcpmss time tos ttl u32 udp'
_rfw_targets='ACCEPT DROP RETURN QUEUE AUDIT CHECKSUM CLASSIFY CLUSTERIP CONNMARK CONNSECMARK CT DNAT DNPT DSCP ECN HL HMARK IDLETIMER LED LOG MARK MASQUERADE NETMAP NFLOG NFQUEUE NOTRACK RATEEST REDIRECT REJECT SECMARK SET SNAT SNPT SYNPROXY TCPMSS TCPOPTSTRIP TEE TOS TPROXY TRACE TTL ULOG'
_rfw_protocols='ah all dccp esp gre icmp icmpv6 igmp ipcomp ipv6-icmp mh sctp tcp udp vrrp'
_rfw_options='-A --append -I --insert -R --replace -D --delete -C --check -L --list -S --list-rules -F --flush -Z --zero -N --new-chain -X --delete-chain -E --rename-chain -P --policy -h --help -V --version -t --table -p --protocol -s --source -d --destination -i --in-interface -o --out-interface -f --fragments -m --match -j --jump -g --goto -c --set-counters -n --numeric -v --verbose -x --exact --line-numbers -w --wait -W --wait-interval -M --modprobe -4 --ipv4 -6 --ipv6 --encoding --no-xt --compat-version'
_rfw_restore_options='-c --counters -n --noflush -t --test -T --table -v --verbose -w --wait -W --wait-interval -M --modprobe -4 --ipv4 -h --help -V --version --encoding --no-xt --compat-version'
_rfw_save_options='-c --counters -t --table -f --file -M --modprobe -d --dump -h --help -V --version --compat-version'
_rfw_commands='restore save translate lint lsp rules explain monitor apply persist completions'
_rfw_groups='persist'
