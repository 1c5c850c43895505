#!/bin/busybox sh
# The machine's first steps: reach the host's files, lay memory over them, go on with guest.sh there.
export PATH=/bin
/bin/busybox --install -s /bin 2>/dev/null
mkdir /proc /host /top /all
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in virtio_pci 9pnet_virtio 9p overlay; do modprobe $module; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 host /host
mount -t tmpfs top /top
mkdir /top/upper /top/work
mount -t overlay -o lowerdir=/host,upperdir=/top/upper,workdir=/top/work all /all
. /given
cp /given /all/given
exec switch_root /all /bin/sh "$repo/tests/bluez/guest.sh"
