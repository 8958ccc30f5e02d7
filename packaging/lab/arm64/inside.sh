# Runs in the emulated arm64 machine, as root, under its systemd.
cd /lab || exit 1

# check WHAT COMMAND…: one line; what a failed command printed goes before it, and what the service said last.
check() {
	local what=$1
	shift
	if "$@" >last 2>&1; then
		echo "lab: ok $what"
	else
		tail -n 5 last
		journalctl --no-pager --output=cat --unit=deskbell --lines=15
		echo "lab: FAIL $what"
		return 1
	fi
}
# eventually COMMAND…: true as soon as the command is, within 2 minutes: everything is slow in here.
eventually() {
	local end=$((SECONDS + 120))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}
property() { systemctl show --value -p "$1" deskbell; }
has() { [ "$(property "$1")" = "$2" ] || { echo "$1=$(property "$1"), not $2"; false; }; }
ready() { has ActiveState active && has SubState running; }
main() { grep -E "^$1:[[:space:]]+$2" "/proc/$(property MainPID)/status" || { grep "^$1" "/proc/$(property MainPID)/status"; false; }; }
# line N STATE: what the kernel shows of the chip's line N, such as "deskbell hi"; "-" for a line that nobody holds
line() {
	local first
	first=$(sed -n 's/^gpiochip0: GPIOs \([0-9]*\)-.*/\1/p' /sys/kernel/debug/gpio)
	[ "$(awk -v line="gpio-$((first + $1))" '$1 == line { gsub(/[()|]/, " "); print $2, $4 }' /sys/kernel/debug/gpio)" = "$2" ] ||
		{ cat /sys/kernel/debug/gpio; false; }
}

mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
# As Raspberry Pi OS has it: not the user's own group, which alone is known in the service's user namespace.
groupadd --system gpio
echo 'SUBSYSTEM=="gpio", GROUP="gpio", MODE="0660"' >/etc/udev/rules.d/99-com.rules
check "this is $(uname -m), systemd $(systemctl --version | head -n 1 | cut -d ' ' -f 2)" test -c /dev/gpiochip0
check "dpkg installs the package" dpkg -i deskbell.deb || exit 1
check "the service becomes ready" eventually ready || exit 1
stat -c '%U:%G %a' /dev/gpiochip0 >chip
check "the chip belongs to $(cat chip)" grep -qx 'root:gpio 660' chip
check "nobody holds the line yet" line 5 ""
cat >/etc/deskbell/deskbell.toml <<'TOML'
webhook = { listen = "127.0.0.1:8080" }
output.lamp   = { pin = "gpiochip0:5" }
output.buzzer = { pin = "gpiochip0:6", kind = "buzzer" }
TOML
check "a lamp and a buzzer on the chip, by chip and offset" systemctl restart deskbell
check "the service is ready with them" eventually ready || exit 1
check "it is not root" main Uid "$(id -u deskbell)[[:space:]]+$(id -u deskbell)[[:space:]]"
check "it is in the group gpio" main Groups ".*\b$(getent group gpio | cut -d: -f3)\b"
check "it has no capability" main CapBnd 0000000000000000
check "all devices but those that are named are closed to it" has DevicePolicy closed
check "it has its own user namespace" sh -c '[ "$(readlink /proc/'"$(property MainPID)"'/ns/user)" != "$(readlink /proc/1/ns/user)" ]'
check "system calls are filtered" main Seccomp 2
exposure=$(systemd-analyze security --no-pager deskbell | tail -n 1 | grep -o '[0-9]\.[0-9]' | head -n 1)
check "systemd's sum of what it is exposed to is $exposure, at most 2.0" awk "BEGIN { exit !($exposure <= 2.0) }"
check "status says that the lamp is on the chip" sh -c 'deskbell status --json | tr -s " \n" " " | grep -Eq "\"pin\": \"gpiochip0:5\", \"kind\": \"light\", \"driver\": \"chip\""'
check "the kernel shows its line held by deskbell, low" eventually line 5 "deskbell lo"
check "the lamp is lit by command" deskbell test lamp on --for 10m
check "the kernel shows the line high" eventually line 5 "deskbell hi"
check "a guest is handed over" deskbell send --story handover --pace 1s
before=$(property MainPID)
systemctl kill --kill-who=main --signal=KILL deskbell
restarted() { ready && [ "$(property MainPID)" != "$before" ]; }
check "killed, it is ready again" eventually restarted
check "the outputs were driven off in between" sh -c 'systemctl show -p ExecStopPost deskbell | grep -q "gpio off.*status=0"'
check "and the line is low" eventually line 5 "deskbell lo"
check "the lamp is lit again" deskbell test lamp on --for 10m
check "the line is high" eventually line 5 "deskbell hi"
check "a clean stop" systemctl stop deskbell
check "leaves the line to nobody" line 5 ""
