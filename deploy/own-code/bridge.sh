#!/bin/sh
# Posts orders to b24-bridge, and checks the signature of a callback. Needs curl and openssl.
#   BRIDGE_URL=http://127.0.0.1:8080 BRIDGE_KEY=... ./bridge.sh send order.json
#   CALLBACK_SECRET=whsec_... ./bridge.sh verify ID TIMESTAMP SIGNATURES < body
#   ./bridge.sh check
set -eu

# Sends until the bridge has it: 202 is "stored". The same event may be sent any number of times.
send() {
    code=$(curl --silent --show-error --output "${TMPDIR:-/tmp}/bridge.$$" --write-out '%{http_code}' \
        --connect-timeout 3 --max-time 10 --retry 3 --retry-connrefused \
        -H "Authorization: Bearer $BRIDGE_KEY" \
        -H 'Content-Type: application/cloudevents+json' \
        --data-binary "@$1" "$BRIDGE_URL/v1/events")
    cat "${TMPDIR:-/tmp}/bridge.$$"
    rm -f "${TMPDIR:-/tmp}/bridge.$$"
    [ "$code" = 202 ]
}

# v1,base64(hmac-sha256(key, "id.timestamp.body")); the body comes from standard input, byte for byte.
sign() {
    key=$(printf %s "${CALLBACK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
    { printf '%s.%s.' "$1" "$2"; cat; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A
}

verify() {
    age=$(($(date +%s) - $2))
    [ "$age" -le "${TOLERANCE:-300}" ] && [ "$age" -ge "-${TOLERANCE:-300}" ] || return 1
    wanted="v1,$(sign "$1" "$2")"
    for given in $3; do
        [ "$given" = "$wanted" ] && return 0
    done
    return 1
}

# The example of the Standard Webhooks specification.
check() {
    CALLBACK_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
    found=$(printf '{"test": 2432232314}' | sign msg_p5jXN8AQM9LWM0D4loKWxJek 1614265330)
    [ "$found" = 'g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' ]
}

command=${1:-}
[ $# -gt 0 ] && shift
case $command in
send | verify | check) "$command" "$@" ;;
*) echo 'bridge.sh send FILE | verify ID TIMESTAMP SIGNATURES | check' >&2 && exit 2 ;;
esac
