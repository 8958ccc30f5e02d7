# What takes minutes, beside the other scripts in a container of its own.
. /lab/helpers.sh || exit 1

echo "--   a process that hangs, with the unit's own limits"
check "dpkg installs the older version" dpkg -i older.deb
check "the service becomes ready" eventually ready || exit 1
before=$(property MainPID)
began=$SECONDS
patience=150
systemctl kill --kill-who=main --signal=STOP deskbell
check "the watchdog restarts it" eventually another
echo "     after $((SECONDS - began)) s, WatchdogSec=$(property WatchdogUSec)"
check "it was the watchdog" sh -c 'journalctl --no-pager --unit=deskbell | grep -q "Watchdog timeout"'
check "a webhook is taken" deskbell send
patience=30

echo "--   an upgrade while the store waits for room"
check "a clean stop" systemctl stop deskbell
mv /var/lib/deskbell /lab/store
mkdir /var/lib/deskbell
mount -t tmpfs -o size=4k,mode=750,uid=deskbell,gid=deskbell tmpfs /var/lib/deskbell
head -c 4096 /dev/zero >/var/lib/deskbell/full
systemctl start --no-block deskbell
waits() { has ActiveState activating && journalctl --no-pager --output=cat --unit=deskbell --lines=5 | grep "no space"; }
check "the service waits" eventually waits
began=$SECONDS
check "dpkg installs the newer version" timeout 150 dpkg -i deskbell.deb
took=$((SECONDS - began))
check "within 90 s (took $took s)" test "$took" -lt 90
check "dpkg has nothing left to do" sh -c '[ -z "$(dpkg --audit)" ]'
check "the service waits on" eventually waits
mount -o remount,size=64m /var/lib/deskbell
check "with room it starts" systemctl restart deskbell # which it would by itself within 5 minutes
check "a webhook is taken" eventually deskbell send
check "a clean stop" systemctl stop deskbell
umount /var/lib/deskbell
rmdir /var/lib/deskbell
mv /lab/store /var/lib/deskbell
check "with its own store it starts" systemctl start deskbell
check "and the event is there" stored 1
