#!/bin/sh
# Make a computer with Bluetooth of what init.sh mounted, run the tests in it, switch it off.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root FIELDPOST_BLUEZ=/run/verdict
. /given
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mkdir -p /lib/modules /run/dbus /dev/shm /var/lib/bluetooth
ln -s "$kernel" /lib/modules/
echo 1 > /proc/sys/kernel/printk
modprobe -a bluetooth hci_vhci rfkill
ip link set lo up
dbus-uuidgen --ensure
dbus-daemon --system --fork
read -r up _ < /proc/uptime
echo "==> booted in $up s: Linux $(uname -r), BlueZ $(bluetoothctl --version | cut -d' ' -f2)"
cd "$repo" || exit
eval "set -- $arguments"
# bleak leaves its connection to the system bus to the garbage collector.
"$python" -m pytest -p no:cacheprovider --color no --timeout 120 \
  -W ignore::pytest.PytestUnraisableExceptionWarning tests/bluez "$@"
echo "tests in the virtual machine ended: $(cat /run/verdict)"
echo o > /proc/sysrq-trigger
read -r _ < /dev/console
