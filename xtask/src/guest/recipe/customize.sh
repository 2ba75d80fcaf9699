#!/bin/sh
# The last step inside the new root: the second kernel, the two users and the job service.
set -eu
root=$1

# The meta package has one name in both suites, so the newer kernel is asked for by its own.
chroot "$root" sh -euc '
  newer=$(apt-cache show linux-image-cloud-amd64/bookworm-backports | sed -n "s/^Depends: \(linux-image-[^ ,]*\).*/\1/p")
  apt-get install --yes --no-install-recommends "$newer"
'

chroot "$root" useradd --uid 1000 --create-home --shell /bin/bash agent
chroot "$root" useradd --system --user-group --home-dir /var/lib/postern --shell /usr/sbin/nologin postern

# Suites make clusters of their own; one that starts with the guest only delays it.
chroot "$root" pg_dropcluster 15 main
chroot "$root" systemctl mask postgresql.service

# A fixed identity: with none, systemd takes each boot for the first and applies every preset.
echo 7c1f0c9e5b8a4d6f9a3e2d1c0b4a5968 > "$root/etc/machine-id"
echo guest > "$root/etc/hostname"
printf '%s\n' '127.0.0.1 localhost guest' '::1 localhost' > "$root/etc/hosts"
rm -f "$root/etc/resolv.conf"
echo 'nameserver 127.0.0.1' > "$root/etc/resolv.conf"

chroot "$root" systemctl enable guest-job.service
# A login prompt on the job's terminal hangs it up; the rest only delays the job.
chroot "$root" systemctl mask serial-getty@ttyS0.service getty@tty1.service \
  apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer \
  systemd-timesyncd.service e2scrub_reap.service
