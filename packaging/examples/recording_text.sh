#!/bin/sh
# Prints the text of a recording, a line for each segment: recording_text.sh 534820
# Exit code 1 where the recording is not known or the daemon cannot be asked.
set -eu
id=${1:?usage: recording_text.sh RECORDING_ID}
answer=$(curl -sS -G "$LINESIDE_URL/vici" -H "Authorization: Bearer ${LINESIDE_TOKEN:-}" \
    --data-urlencode function=transcript_lookup --data-urlencode stage=tab --data-urlencode "recording_id=$id")
case $answer in
ERROR:*) echo "$answer" >&2; exit 1 ;;
esac
# offset, speaker and text are columns 7, 8 and 11
echo "$answer" | cut -f 7,8,11
