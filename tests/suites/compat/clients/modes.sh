# psql logs in over each family of addresses, with each mode of TLS and of channel binding, and runs one statement.
log_in() {
  if said=$(psql -XAt -d "host=$1 sslmode=$2 sslrootcert='$3' channel_binding=$4" \
    -c 'select 6 * 7, current_user' -c '\conninfo' 2>&1)
  then
    # The version of TLS and the cipher are each side's own choice.
    tls=$(echo "$said" | grep -c '^SSL connection')
    echo "$1 $2 ${3##*/} $4 tls=$tls $(echo "$said" | head -n 1)"
  else
    echo "$1 $2 ${3##*/} $4 $(echo "$said" | grep -oE 'certificate verify failed|channel binding .*|no SSL.*' | head -n 1)"
  fi
}
for name in $NAMES; do
  for binding in disable prefer require; do
    for mode in disable allow prefer require; do
      log_in "$name" "$mode" '' "$binding"
    done
    log_in "$name" verify-ca "$TRUSTED" "$binding"
    log_in "$name" verify-full "$TRUSTED" "$binding"
    log_in "$name" verify-full "$STRANGER" "$binding"
  done
done
