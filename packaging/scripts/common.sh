# What the scripts of all packages share; packaging/build puts it in front of each of them. They may run any number of times.

# own MODE FILE: for root and the group deskbell alone, as it may hold secrets.
own() {
	chown root:deskbell "$2"
	chmod "$1" "$2"
}

# password makes /etc/deskbell/admin, the password of the page, unless it is there.
password() {
	[ ! -s /etc/deskbell/admin ] || return 0
	(umask 077 && od -An -N10 -tx1 /dev/urandom | tr -d ' ' >/etc/deskbell/admin.new)
	own 0640 /etc/deskbell/admin.new
	mv /etc/deskbell/admin.new /etc/deskbell/admin
}

