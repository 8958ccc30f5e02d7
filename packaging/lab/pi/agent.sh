# The agent on the emulated Raspberry Pi: read by init, which has check, await and the others. Its clock says 1970, as on a Pi
# without a network.
cat >/etc/deskbell.toml <<'TOML'
device   = "lab"
data_dir = "/sd/deskbell"
webhook = { listen = "127.0.0.1:8080" }
output.lamp   = { pin = "GPIO17" }
output.buzzer = { pin = "GPIO18", kind = "buzzer" }
output.bell   = { pin = "GPIO22", kind = "buzzer", active_low = true }
TOML
deskbell() { /bin/deskbell "$@" --config /etc/deskbell.toml; }
ready() { wget -q -O /dev/null http://127.0.0.1:8080/readyz 2>/dev/null; }
start() {
	/bin/deskbell run --config /etc/deskbell.toml >>/tmp/agent.log 2>&1 &
	agent=$!
	await 60 ready
}
off() { is GPIO17 "deskbell lo" && is GPIO18 "deskbell lo" && is GPIO22 "deskbell hi"; }
# quiet is off, and not only between two flashes: nothing changes for longer than any built-in rhythm but triple's pause
quiet() {
	local changes=$(wc -l </tmp/seen)
	off && sleep 1.6 && off && [ "$changes" = "$(wc -l </tmp/seen)" ]
}
released() { is GPIO17 "- -" && is GPIO18 "- -" && is GPIO22 "- -"; }
never() { ! seen "$1"; }
says() { # WHAT COMMAND…: the command prints a line with WHAT
	local what=$1
	shift
	"$@" >/tmp/said 2>&1 && grep -Eq "$what" /tmp/said || { cat /tmp/said; false; }
}
sent() { deskbell send "$@" >/tmp/sent 2>&1 || { cat /tmp/sent; false; }; }

check "the SD card mounts" mount -t ext4 /dev/mmcblk0 /sd
pins GPIO17 GPIO18 GPIO22 GPIO23 GPIO24 GPIO5 GPIO6 GPIO16 >/tmp/seen &
await 10 is GPIO22 "- -"
check "nobody holds the lines before the agent starts" released

mark
check "the agent is ready" start
[ -z "$failed" ] || return 0
check "the outputs are claimed and off, the active-low one high" await 5 off
check "the active-low output was never seen at its on level meanwhile" never "GPIO22 deskbell lo"
check "gpio list names who holds GPIO17" says "GPIO17 .*deskbell" deskbell gpio list

mark
check "a sample is taken" sent conversation_create
check "status says why the lamp blinks" says "new conversation" deskbell status
check "GPIO17 is seen high and low: it blinks" await 10 seen_both GPIO17
check "events without a set clock have no time of receipt" says '"received": ?null' deskbell events list --json
check "and is dark when that is over" await 15 quiet

mark
sent --story handover --pace 1s &
story=$!
check "somebody waits: GPIO17 pulses" await 20 seen_both GPIO17
check "the buzzer on GPIO18 chirps" await 10 seen "GPIO18 deskbell hi"
check "so does the active-low one on GPIO22" await 10 seen "GPIO22 deskbell lo"
check "the story is taken to its end" wait "$story"
check "answered, all is off again" await 15 quiet

mark
check "test shows a pattern on the lamp" deskbell test lamp fast --for 2s
check "GPIO17 is seen high and low" await 10 seen_both GPIO17
check "test sounds the buzzer" deskbell test buzzer alarm --for 2s
check "GPIO18 is seen high and low" await 10 seen_both GPIO18

deskbell test lamp on --for 1m
check "the lamp is lit when the agent is ended" await 5 is GPIO17 "deskbell hi"
kill -TERM "$agent"
check "it ends with 0" wait "$agent"
check "and has given the lines back" await 5 released

check "the agent starts again" start
[ -z "$failed" ] || return 0
check "the events are still there" says '"sequence": ?6' deskbell events list --json
deskbell test lamp on --for 1m
check "the lamp is lit when the agent is killed" await 5 is GPIO17 "deskbell hi"
kill -KILL "$agent"
wait "$agent" 2>/dev/null
deskbell gpio off --for 3s &
turned=$!
check "gpio off holds every line at its off level" await 3 off
check "gpio off ends with 0" wait "$turned"
