#!/bin/sh
# Tells whoever writes "time" what time it is here. Needs hush, date and sed, nothing else.
#
#     hush --profile clock daemon &
#     HUSH_PROFILE=clock sh time-bot.sh
#
# Nothing is lost and nothing is said twice, wherever this script is killed: the cursor moves only after an answer was stored, and the key
# of an answer, made from the event's number, sends it once.

set -eu

cursor=time-bot

call() {
    hush --json rpc call "$1" "$2"
}

# What the first event's field is in an answer of `events`. The fields are in this order, and no text that somebody wrote can look like a
# field: the quotes in it are escaped.
field() {
    printf '%s\n' "$answer" | sed -nE "s/^\\{\"events\":\\[\\{$1.*/\\1/p"
}

echo listening
while :; do
    answer=$(call events "{\"cursor\": \"$cursor\", \"limit\": 1, \"wait_s\": 50}")
    seq=$(field '"seq":([0-9]+)')
    # Nothing happened meanwhile.
    [ -n "$seq" ] || continue
    conversation=$(field '"seq":[0-9]+,"type":"message","conversation":"([A-Za-z0-9]+)"')
    text=$(field '.*"own":false,"text":"(([^"\\]|\\.)*)"')
    if [ -n "$conversation" ] && [ "$text" = time ]; then
        now=$(date '+It is %H:%M on %A.')
        call send "{\"conversations\": [\"$conversation\"], \"text\": \"$now\", \"key\": \"$cursor/$seq\"}" >&2
    fi
    call ack "{\"cursor\": \"$cursor\", \"seq\": $seq}" >&2
done
