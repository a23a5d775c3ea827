# packages: fwknop-server fwknop-client
# fwknopd reads listings with line numbers to find what has expired. A packet from the client on the loopback interface is the knock.
printf 'PCAP_INTF lo;\nENABLE_IPT_COMMENT_CHECK Y;\nENABLE_IPT_FORWARDING Y;\nENABLE_IPT_SNAT Y;\nSNAT_TRANSLATE_IP 192.0.2.10;\nENABLE_IPT_OUTPUT Y;\n' >/etc/fwknop/fwknopd.conf
printf 'SOURCE ANY\nREQUIRE_SOURCE_ADDRESS N\nKEY_BASE64 %s\nHMAC_KEY_BASE64 %s\nFW_ACCESS_TIMEOUT 8\n' "$(printf 'a%.0s' {1..32} | base64)" "$(printf 'b%.0s' {1..32} | base64)" >/etc/fwknop/access.conf
chmod 600 /etc/fwknop/*.conf
scrub() { sed -E 's/_exp_[0-9]+/_exp_N/g; s/pid: [0-9]+/pid: N/'; }
# Its own look every second or so is not on record: how many there are in a step depends on the time.
order() { if [ "$1" = calls ]; then { grep -v -e --line-numbers || true; } | sort -u; else cat; fi; }
until_line() { # until_line PATTERN [COUNT]: is in the log
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        [ "$(grep -c -e "$1" /tmp/fwknopd.log)" -lt "${2:-1}" ] || return 0
        sleep 0.1
    done
    tail -n 5 /tmp/fwknopd.log
    return 1
}
daemon() {
    : >/tmp/fwknopd.log
    fwknopd --foreground --verbose >/tmp/fwknopd.log 2>&1 &
    echo $! >/tmp/fwknopd.job
    until_line 'Starting fwknopd main event loop'
}
knock() { # knock ACCESS OPTIONS…
    : >/tmp/fwknopd.log
    fwknop --no-rc-file -D 127.0.0.1 -a 198.51.100.7 -A "$@" --key-base64-rijndael "$(printf 'a%.0s' {1..32} | base64)" \
        --key-base64-hmac "$(printf 'b%.0s' {1..32} | base64)" --use-hmac >/dev/null
    # One for what comes in and one for the answers.
    until_line '^Added .* rule' 2
}
closed() { until_line '^Removed rule' 2; }
gone() {
    kill "$(cat /tmp/fwknopd.job)"
    wait "$(cat /tmp/fwknopd.job)" || true
}
step daemon
step knock tcp/22
step closed
step knock udp/53
step closed
step gone
