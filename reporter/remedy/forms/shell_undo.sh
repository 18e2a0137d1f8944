# ── What this script takes back: only what is noted as done ──

# undo REGION ID VPC LABEL
undo() {
  turn "$1" "$2" "$3" "$4"
  read_rules "$id" || leave "its rules cannot be read: $said"
}

# restore RULE PERMISSION WORDS: a rule that was removed.
restore() {
  $open || return 0
  recall "$id $1"
  case $what in removing | removed) ;; *) return 0 ;; esac
  if find_rule "$1"; then
    say "  there already: $3"
  else
    add_rule "$id" "$1" "$2" "$data" || {
      case $said in
        *'(InvalidPermission.Duplicate)'*) leave "$3: there is such a rule with another description" ;;
        *) leave "cannot be added: $3: $said" ;;
      esac
      return 0
    }
    did "added again" "$3"
  fi
  note undone "$id $1" -
}

# take_back RULE WORDS: a rule that was allowed.
take_back() {
  $open || return 0
  recall "$id $1"
  case $what in allowing | allowed) ;; *) return 0 ;; esac
  if find_rule "$1"; then
    revoke "$id" "$1" "$rule_id" || {
      leave "cannot be removed: $2: $said"
      return 0
    }
    did removed "$2"
  else
    say "  not there any more: $2"
  fi
  note undone "$id $1" -
}

# make_again NAME REQUEST RULE PERMISSION …: a group that was deleted. The request lacks its end, where the tags go.
make_again() {
  local name=$1 request=$2
  shift 2
  $open || return 0
  recall "$id"
  case $what in deleting | deleted) ;; *) return 0 ;; esac
  ask ec2 describe-security-groups --query 'SecurityGroups[].[GroupId]' \
    --cli-input-json "{\"Filters\":[{\"Name\":\"group-id\",\"Values\":[\"$id\"]}]}" || {
    leave "it cannot be read: $said"
    return 0
  }
  if [ "$answer" = "$id" ]; then
    say "  there still"
  else
    [ "$data" = '[]' ] ||
      request+=",\"TagSpecifications\":[{\"ResourceType\":\"security-group\",\"Tags\":$data}]"
    make "$name" "$request}" && fill "$@" || return 0
    say "  Its id is $made now. What named $id by its id, in rules, templates or code, does not name it any more."
  fi
  note undone "$id" -
}

# move_back INTERFACE GROUPS WORDS
all_back=true
move_back() {
  local now
  $open || return 0
  recall "$1"
  case $what in moving | moved) ;; *) return 0 ;; esac
  now=$(put "$2" "$id" "$data")
  read_interface "$1" || {
    all_back=false
    say "  NOT MOVED BACK: $3: it cannot be read: $said"
    return 0
  }
  if [ "$carried" = "$(lines_of "$now")" ]; then
    set_groups "$1" "$2" || {
      all_back=false
      say "  NOT MOVED BACK: $3: $said"
      return 0
    }
    did "moved back" "$3"
  elif [ -z "$carried" ] || [ "$carried" = "$(lines_of "$2")" ]; then
    say "  nothing to move back: $3"
  else
    all_back=false
    say "  NOT MOVED BACK: $3: it carries other groups now: ${carried//$'\n'/ }"
    return
  fi
  note undone "$1" -
}

# unmake NAME RULE …: deletes the group that was made, if nothing but this plan's rules would go with it.
unmake() {
  local name=$1 each rule tags mine
  shift
  $open || return 0
  recall "$id new"
  case $what in making | made | filled) ;; *) return 0 ;; esac
  $all_back || {
    leave "the group $name stays: not all interfaces are back"
    return 0
  }
  made=$data
  if [ "$what" = making ]; then
    find_named "$name" || {
      leave "the groups of $vpc cannot be read: $said"
      return 0
    }
    made=$found
  fi
  if [ -n "$made" ]; then
    read_rules "$made" || {
      leave "the rules of $made cannot be read: $said"
      return 0
    }
    if [ "$what" = filled ] && [ -n "$rules" ]; then
      mine=$'\n'$(printf '%s\n' "$@")$'\n'
      while IFS=$'\t' read -r each rule tags; do
        rule=${rule/",\"$made\","/,\"$id\",}
        case $mine in *$'\n'"$rule"$'\n'*) continue ;; esac
        leave "the group $made stays: it has a rule that this plan did not give it: $(told "$rule")"
        return
      done <<<"$rules"
    fi
    change delete-security-group "{\"GroupId\":\"$made\"}" || case $said in
      *'(InvalidGroup.NotFound)'*) ;;
      *)
        leave "the group $made cannot be deleted: $said"
        return
        ;;
    esac
    did deleted "the group $name, $made"
  fi
  note undone "$id new" -
}

finish() {
  settle
  local how="put back"
  if $dry; then how="that could be put back"; fi
  [ -s "$state" ] || say "Nothing is noted in $state: nothing was changed, or that file is elsewhere."
  say "account $account: groups $how: $changed, with nothing to put back: $same, left alone or stopped: $left"
  [ "$left" -eq 0 ] || exit 1
}
