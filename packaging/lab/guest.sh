# What the first programs of the emulated machines share: says "lab: ok …" or "lab: FAIL …" for each thing seen. Its reader says
# "lab: end" last.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp TMPDIR=/tmp
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t debugfs debugfs /sys/kernel/debug
ip link set lo up
for module in /modules/*.ko; do [ ! -e "$module" ] || insmod "$module"; done

ok() { echo "lab: ok $*"; }
failed=
fail() {
	echo "lab: FAIL $*"
	failed=1
}
# check NAME COMMAND…: one line for what the command says by its exit status
check() {
	local name=$1
	shift
	if "$@"; then ok "$name"; else fail "$name"; fi
}
uptime() { cut -d. -f1 /proc/uptime; }
# await SECONDS COMMAND…: until it is so
await() {
	local until=$(($(uptime) + $1))
	shift
	until "$@"; do
		[ "$(uptime)" -lt "$until" ] || return 1
		usleep 50000
	done
}
# gpio_tests PATTERN: runs those tests of the gpio package, a line for each case
gpio_tests() {
	gpio.test -test.v -test.run "$1" >/tmp/gpio.log 2>&1
	local tests=$?
	grep -E '^ +--- (PASS|FAIL)' /tmp/gpio.log | sed 's/^ *--- PASS: /lab: ok gpio: /; s/^ *--- FAIL: /lab: FAIL gpio: /; s/ ([0-9.]*s)$//; s/Test[A-Za-z]*\///; s/_/ /g'
	check "the gpio package passes its tests on a real chip" [ "$tests" = 0 ]
	[ "$tests" = 0 ] || cat /tmp/gpio.log
}
