# What the labs with an emulated machine share; read by their run after it has set lab, its name, and here, its folder. Then:
# kernel; insert, where it needs modules; files into $root, among them /init, which reads /guest.sh; boot with QEMU's arguments. Installs what it uses by apt-get; the
# first run downloads the kernel (60 MB), kept in ${XDG_CACHE_HOME:-$HOME/.cache}/deskbell-lab.

limit=${LAB_LIMIT:-300} # seconds for everything in the emulated machine
say() { printf '%s: %s\n' "$lab" "$*" >&2; }
die() { say "FAIL $*"; exit 1; }

PATH=$PATH:/usr/sbin:/sbin
"$here/../../need" qemu-system-aarch64=qemu-system-arm cpio

# The kernel's modules that any of the labs inserts, in the order of their dependencies.
modules=(crc16 crc32c_generic libcrc32c mbcache jbd2 ext4 sdhci sdhci-pltfm sdhci-iproc bcm2835 bcm2835_wdt pwm-bcm2835)

# fetch gets Debian's kernel, device tree, modules and busybox for arm64 into the folder $1, without installing them.
fetch() {
	command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
		die "the kernel comes from Debian by apt-get, which is not here; put its files into $1 by hand or run this on Debian"
	local new=$1.new lists options kernel module
	rm -rf "$new"
	mkdir -p "$new/apt/lists/partial" "$new/apt/cache/archives/partial" "$new/modules"
	lists=$new/apt
	options=(-qq -oAPT::Architecture=arm64 -oAPT::Architectures=arm64 -oDir::State::Lists="$lists/lists" -oDir::Cache="$lists/cache"
		-oDir::State::status=/dev/null -oAPT::Sandbox::User=)
	say "fetching Debian's arm64 kernel into $1"
	apt-get "${options[@]}" update || true # a third party's source may have nothing for arm64
	kernel=$(apt-cache "${options[@]}" depends linux-image-arm64 | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\).*/\1/p' | head -n 1) || true
	[ -n "$kernel" ] || die "apt's sources of this machine have no linux-image-arm64: is it a Debian with network?"
	(cd "$lists" && apt-get "${options[@]}" download "$kernel" busybox-static) || die "$kernel could not be downloaded"
	for package in "$lists"/*.deb; do
		dpkg-deb -x "$package" "$lists/tree"
	done
	cp "$lists"/tree/boot/vmlinuz-* "$new/vmlinuz"
	find "$lists/tree" -path '*/broadcom/bcm2837-rpi-3-b.dtb' -exec cp {} "$new/board.dtb" \;
	find "$lists/tree" -path '*/bin/busybox' -exec cp {} "$new/busybox" \;
	for module in "${modules[@]}"; do
		find "$lists/tree" -path '*/kernel/*' -name "$module.ko*" -exec cp {} "$new/modules/" \;
	done
	if compgen -G "$new/modules/*.xz" >/dev/null; then # kernels since Debian 13
		"$here/../../need" xz=xz-utils
		xz -d "$new"/modules/*.xz
	fi
	[ -s "$new/vmlinuz" ] && [ -s "$new/board.dtb" ] && [ -s "$new/busybox" ] || die "$kernel is not laid out as expected"
	printf '%s\n' "${modules[*]}" >"$new/list"
	rm -rf "$lists" "$1"
	mv "$new" "$1"
}

work=$(mktemp -d)
qemu=
finish() {
	if [ -n "$qemu" ]; then
		kill -KILL "$qemu" 2>/dev/null || true # it does not end by itself
		wait "$qemu" 2>/dev/null || true
	fi
	if [ -n "${KEEP:-}" ]; then say "kept $work"; else rm -rf "$work"; fi
}
trap finish EXIT
trap 'exit 1' INT TERM

# kernel [NAME] finds $cache, which holds vmlinuz, board.dtb and busybox, and begins $root, the file system of the first program.
# A lab that adds to $modules keeps its cache under a name of its own.
kernel() {
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/deskbell-lab/${1:-pi}
	if [ "$(cat "$cache/list" 2>/dev/null)" != "${modules[*]}" ]; then
		mkdir -p "$(dirname "$cache")"
		fetch "$cache"
	fi
	root=$work/root
	mkdir -p "$root"/{bin,dev,etc,modules,proc,sys,sd,tmp}
	cp "$cache/busybox" "$root/bin/"
	cp "$here/../guest.sh" "$root/"
}

# insert has the modules inserted when the machine starts.
insert() {
	local i module
	for i in "${!modules[@]}"; do
		module=$cache/modules/${modules[i]}.ko
		[ ! -e "$module" ] || cp "$module" "$root/modules/$(printf %02d "$i")-${modules[i]}.ko"
	done
}

# arm64 COMMAND…: go, for the emulated machine
arm64() { (cd "$here/../../.." && CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go "$@") || die "go $* does not succeed"; }

# initrd makes $work/initrd of $root. Not compressed: unpacking is slow in there.
initrd() { (cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$work/initrd"; }

# boot QEMU's arguments…: runs the machine until it says "lab: end". A line "lab: ok …" or "lab: FAIL …" on its serial line is
# told; for "lab: press …" the function press is called; all else there is only of interest when something is wrong.
boot() {
	local started=$SECONDS result= failed=0 left line
	initrd
	mkfifo "$work/serial"
	qemu-system-aarch64 "$@" -display none -serial stdio -no-reboot -kernel "$cache/vmlinuz" -initrd "$work/initrd" \
		</dev/null >"$work/serial" 2>"$work/qemu" &
	qemu=$!
	: >"$work/console"
	exec 3<"$work/serial"
	while [ -z "$result" ]; do
		left=$((limit - SECONDS + started))
		if [ "$left" -le 0 ] || ! IFS= read -r -t "$left" -u 3 line; then
			result="the machine said nothing more; it is over or took longer than $limit s"
			break
		fi
		line=${line%$'\r'}
		printf '%s\n' "$line" >>"$work/console"
		case $line in
		*"lab: end"*) result=end ;;
		*"lab: press "*) press "${line##*lab: press }" ;;
		*"lab: "*)
			line=${line#*lab: }
			printf '%s\n' "$line"
			case $line in FAIL*) failed=1 ;; esac
			;;
		*"Kernel panic"*) result="the machine's kernel panicked" ;;
		esac
	done
	if [ "$result" != end ] || [ "$failed" = 1 ]; then
		grep -v "lab: " "$work/console" | tail -n 80 >&2 || true
		cat "$work/qemu" >&2
		[ "$result" = end ] || die "$result"
		exit 1
	fi
	say "took $((SECONDS - started)) s"
}
