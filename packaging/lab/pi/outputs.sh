# What the outputs do on the emulated Raspberry Pi, by the kernel's clock: read by init after agent.sh, whose functions it uses.
cat >/etc/deskbell.toml <<TOML
device   = "lab"
data_dir = "/sd/outputs"
webhook = { listen = "127.0.0.1:8080" }
output.lamp   = { pin = "GPIO17" }
output.buzzer = { pin = "GPIO18", kind = "buzzer" }
output.bell   = { pin = "GPIO22", kind = "buzzer", active_low = true }
output.door   = { pin = "GPIO23", kind = "relay" }
output.gate   = { pin = "GPIO24", kind = "relay", active_low = true }
output.red    = { pin = "GPIO5", only = ["unassigned"] } # a tower light
output.yellow = { pin = "GPIO6", only = ["anna@example.com"] }
output.green  = { pin = "GPIO16", only = ["bot"] }
TOML
[ -z "$pwm" ] || echo 'output.horn = { pin = "GPIO12", kind = "tone" }' >>/etc/deskbell.toml
lights="GPIO17 GPIO5 GPIO6 GPIO16"
channel=/sys/class/pwm/pwmchip0/pwm0

# rhythm PIN ON OFF NUMBER: since the mark, so many changes at least, and each came as long after the one before as it should, in ms
# and within 20 %. What it measured goes to /tmp/rhythm.
rhythm() {
	since | awk -v pin="$1" -v on="$2" -v off="$3" -v least="$4" '
		$2 == pin && $3 == "deskbell" {
			if (last) {
				took = $1 - last; want = level == "hi" ? on : off; n++
				share = took / want
				if (!low || share < low) low = share
				if (share > high) high = share
			}
			last = $1; level = $4
		}
		END {
			printf "%s: %d lengths, %d%% to %d%% of what they should be\n", pin, n, low * 100 + 0.5, high * 100 + 0.5
			exit !(n >= least && low >= 0.8 && high <= 1.2)
		}' >/tmp/rhythm || { cat /tmp/rhythm; false; }
}
# calm PIN: since the mark, two changes of a relay are 1 s apart at least, and any two of one kind 2 s
calm() {
	since | awk -v pin="$1" '
		$2 == pin && $3 == "deskbell" {
			if (n > 1 && $1 - last < 980 || n > 2 && $1 - before < 1980) { bad = 1; print }
			before = last; last = $1; n++
		}
		END { print pin ": " n " changes"; exit bad || n < 3 }' >/tmp/calm || { cat /tmp/calm; false; }
}
dark() {
	local pin
	for pin in $lights GPIO18 GPIO23; do is $pin "deskbell lo" || return 1; done
	is GPIO22 "deskbell hi" && is GPIO24 "deskbell hi"
}
free() {
	local pin
	for pin in $lights GPIO18 GPIO22 GPIO23 GPIO24; do is $pin "- -" || return 1; done
}
# hears NS: the period at which the PWM sounds; 0: it is silent, and drives its line
hears() {
	[ "$(cat $channel/enable 2>/dev/null)" = 1 ] || return 1
	local duty=$(cat $channel/duty_cycle)
	if [ "$1" = 0 ]; then [ "$duty" = 0 ]; else [ "$duty" != 0 ] && [ "$(cat $channel/period)" = "$1" ]; fi
}
# post KIND PAYLOAD: an event of the conversation lab-1
post() {
	printf '{"events":[{"event":{"type":"%s","payload":{%s}},"conversation":{"key":"lab-1","id":1},"account":{"key":"lab","id":1,"bot":{"id":1}},"visitor":{"key":"v","id":1},"timestamp":"2026-01-01 00:00:%s.000000"}]}' \
		"$1" "$2" "$((at = at + 1))" >/tmp/event.json
	sent --exact /tmp/event.json
}
at=10
relays_on() { is GPIO23 "deskbell hi" && is GPIO24 "deskbell lo"; }
quiet_lights() { local changes=$(wc -l </tmp/seen); dark && sleep 1.6 && dark && [ "$changes" = "$(wc -l </tmp/seen)" ]; }
dark_since() { never "GPIO6 deskbell hi" && never "GPIO16 deskbell hi"; }
starts_dark() { dark_since && never "GPIO17 deskbell hi" && never "GPIO5 deskbell hi" && never "GPIO23 deskbell hi" && never "GPIO24 deskbell lo"; }

both() { deskbell "$@" 2>&1; }
quiet_status() { ! both status | grep simulated; }
relays_asked() { # anything, faster than a relay may follow
	local pattern
	for pattern in on off blink chirp off pulse off chirp alarm off fast off on off; do
		deskbell test door $pattern --for 300ms && deskbell test gate $pattern --for 300ms || return 1
		usleep 400000
	done
}

check "the agent starts with a tower light, relays and a tone" start
[ -z "$failed" ] || return 0
check "all are claimed and off" await 5 dark
check "nothing is simulated" quiet_status
check "check warns of the relay that may be on from power-up" says "output.gate: GPIO24 is pulled down" both check
check "so does gpio list" says "output.gate: GPIO24 is pulled down" both gpio list

mark
check "blink is shown" deskbell test lamp blink --for 9s
sleep 8
check "its rhythm is right within 20 %" rhythm GPIO17 500 500 10
echo "lab: ok $(cat /tmp/rhythm)"
mark
check "fast is shown" deskbell test lamp fast --for 5s
sleep 4
check "its rhythm is right within 20 %" rhythm GPIO17 125 125 20
echo "lab: ok $(cat /tmp/rhythm)"

mark
check "relays are asked for anything, at any time" relays_asked
sleep 5
check "the relay does not chatter" calm GPIO23
check "nor does the active-low one" calm GPIO24
echo "lab: ok $(cat /tmp/calm)"
check "and both are off" await 5 dark

mark
sent --story handover --pace 4s &
story=$!
check "a tower light: with the bot it is green" await 20 seen "GPIO16 deskbell hi"
check "then red, while nobody has the guest" await 20 seen "GPIO5 deskbell hi"
never "GPIO6 deskbell hi" && ok "not yet yellow" || fail "not yet yellow"
check "then yellow, while anna has not answered" await 20 seen "GPIO6 deskbell hi"
check "and red no more" await 5 is GPIO5 "deskbell lo"
check "the story is taken to its end" wait "$story"
check "answered, all is off" await 15 dark

mark
rush 1000 10s http://127.0.0.1:8080/webhook >/tmp/rush 2>&1 &
rush=$!
check "1,000 conversations in 10 s: the lamp blinks" await 10 seen "GPIO17 deskbell hi"
check "they are taken" wait "$rush"
echo "lab: ok $(cat /tmp/rush)"
check "its rhythm was right within 20 % all the while" rhythm GPIO17 500 500 15
echo "lab: ok $(cat /tmp/rhythm)"
check "and is over afterwards" await 30 quiet_lights

if [ -n "$pwm" ]; then
	check "the tone is silent" await 5 hears 0
	check "alarm is shown on the tone" deskbell test horn alarm --for 20s
	check "it sounds at 2.7 kHz" await 5 hears 370370
	check "and is silent between" await 5 hears 0
	check "the tone is on" deskbell test horn on --for 1m
	check "it sounds" await 5 hears 370370
else
	echo "lab: ok the kernel of this machine has no PWM: tones were tested in a tree like the kernel's"
fi
check "a guest waits for anybody" post conversation_create '"title":"x","assigned_to_user":null'
check "the red light pulses" await 10 seen "GPIO5 deskbell hi"
check "the relays are on" await 10 relays_on
deskbell test lamp on --for 1m
deskbell test bell on --for 1m
check "the bell sounds" await 5 is GPIO22 "deskbell lo"
sleep 2 # what was taken in the last second before a crash may be signalled twice: better than never

kill -KILL "$agent"
wait "$agent" 2>/dev/null
mark
deskbell gpio off --for 3s &
turned=$!
check "killed: gpio off holds every line at its off level, the active-low ones high" await 3 dark
[ -z "$pwm" ] || check "and silences the tone" hears 0
check "gpio off ends with 0" wait "$turned"
check "it gives the lines back" await 5 free

mark
check "the agent starts again" start
[ -z "$failed" ] || return 0
check "the red light pulses again" await 10 seen_both GPIO5
check "and so does the lamp" await 10 seen_both GPIO17
check "yellow and green were never lit" dark_since
check "the bell did not ring again" never "GPIO22 deskbell lo"
check "the guest leaves" post status_change '"status":"closed"'
check "all is off" await 20 quiet_lights # what an event shows goes on after a restart for what is left of it
mark
kill -TERM "$agent"
check "the agent ends with 0" wait "$agent"
check "a stop gives the lines back" await 5 free
mark
check "the agent starts once more" start
sleep 3
check "no light flashed at its start" starts_dark
[ -z "$failed" ] || since
deskbell test lamp on --for 1m
check "the lamp is lit" await 5 is GPIO17 "deskbell hi"
mark
kill -TERM "$agent"
check "the agent ends with 0" wait "$agent"
check "the lamp was off before its line was given back" seen "GPIO17 deskbell lo"
