# ── What this script changes ──

# group REGION ID VPC LABEL RULE…: the group's turn, if it is still as recorded, with these rules, but for what this
# script has done to it.
group() {
  turn "$1" "$2" "$3" "$4"
  shift 4
  recall "$id"
  [ "$what" != deleted ] || return 0
  if read_group && read_rules "$id"; then :; else
    leave "it cannot be read: $said"
    return
  fi
  if [ -z "$there" ]; then
    # Only this script's delete may be why.
    if [ "$what" = deleting ]; then note deleted "$id" "$data"; else leave "it is not there any more"; fi
    return
  fi
  [ "$there" = "$vpc" ] || {
    leave "it is in $there now, and was recorded in $vpc"
    return 0
  }
  same_rules "$@"
}

# The VPC that it is in now, as $there; empty where it is gone.
read_group() {
  ask ec2 describe-security-groups --query 'SecurityGroups[].[VpcId]' \
    --cli-input-json "{\"Filters\":[{\"Name\":\"group-id\",\"Values\":[\"$id\"]}]}" || return
  there=$answer
}

same_rules() {
  local rule each tags recorded
  recorded=$'\n'$(printf '%s\n' "$@")$'\n'
  for rule in "$@"; do
    recall "$id $rule"
    case $what in
      removing) ;;
      removed)
        ! find_rule "$rule" || {
          leave "this rule was put back since the script removed it: $(told "$rule")"
          return
        }
        ;;
      *)
        find_rule "$rule" || {
          leave "it has changed since the audit, this rule is not there any more: $(told "$rule")"
          return
        }
        ;;
    esac
  done
  while IFS=$'\t' read -r each rule tags; do
    [ -n "$rule" ] || continue
    case $recorded in *$'\n'"$rule"$'\n'*) continue ;; esac
    recall "$id $rule"
    case $what in allowing | allowed) continue ;; esac
    leave "it has changed since the audit, this rule is new: $(told "$rule")"
    return
  done <<<"$rules"
}

# allow RULE PERMISSION WORDS
allow() {
  $open || return 0
  recall "$id $1"
  if find_rule "$1"; then
    if [ "$what" = allowing ]; then note allowed "$id $1" -; fi
    say "  there already: $3"
    return
  fi
  [ "$what" != allowed ] || {
    leave "this rule was removed since the script added it: $3"
    return 0
  }
  note allowing "$id $1" -
  add_rule "$id" "$1" "$2" '[]' || {
    refused "$1"
    leave "cannot be allowed: $3: $said"
    return 0
  }
  note allowed "$id $1" -
  did allowed "$3"
}

# remove RULE WORDS
remove() {
  $open || return 0
  recall "$id $1"
  if ! find_rule "$1"; then # else `group` would have found it changed
    if [ "$what" = removing ]; then note removed "$id $1" "$data"; fi
    say "  removed before: $2"
    return
  fi
  note removing "$id $1" "$rule_tags"
  revoke "$id" "$1" "$rule_id" || {
    refused "$1"
    leave "cannot be removed: $2: $said"
    return 0
  }
  note removed "$id $1" "$rule_tags"
  did removed "$2"
}

# A call that failed may have come through all the same. Where the group is as it was, nothing is to be undone.
refused() {
  local why=$said had=false has=false
  ! find_rule "$1" || had=true
  if read_rules "$id"; then
    ! find_rule "$1" || has=true
    if [ $had = $has ]; then note undone "$id $1" -; fi
  fi
  said=$why
}

# look WORDS SERVICE OPERATION …: whatever it finds, and whatever cannot be looked at, leaves the group alone.
look() {
  $open || return 0
  local words=$1
  shift
  if ! ask "$@"; then
    leave "cannot be told whether $words: $said"
  elif [ -n "$answer" ]; then
    leave "$words: ${answer//[$'\t\n']/, }"
  fi
}

nothing_carries_it() {
  look "interfaces carry it" ec2 describe-network-interfaces \
    --cli-input-json "{\"Filters\":[{\"Name\":\"group-id\",\"Values\":[\"$id\"]}]}" \
    --query 'NetworkInterfaces[].[NetworkInterfaceId]'
}

no_group_names_it() {
  local way
  for way in ip-permission egress.ip-permission; do
    look "other groups name it in their rules" ec2 describe-security-groups \
      --cli-input-json "{\"Filters\":[{\"Name\":\"$way.group-id\",\"Values\":[\"$id\"]}]}" \
      --query "SecurityGroups[?GroupId!='$id'].[GroupId]"
  done
  look "groups of peered VPCs name it in their rules" ec2 describe-security-group-references \
    --cli-input-json "{\"GroupId\":[\"$id\"]}" --query 'SecurityGroupReferenceSet[].[ReferencingVpcId]'
}

no_connection_names_it() {
  look "Glue connections name it" glue get-connections --cli-input-json '{"HidePassword":true}' \
    --query "ConnectionList[?contains(PhysicalConnectionRequirements.SecurityGroupIdList || \`[]\`, '$id')].[to_string([Name])]"
}

# no_template_names_it NAME: any version of a launch template, by id or by name.
no_template_names_it() {
  local template version groups
  $open || return 0
  read_templates || {
    leave "cannot be told whether a launch template names it: $said"
    return 0
  }
  while IFS=$'\t' read -r template version groups; do
    case $groups in
      *"\"$id\""* | *"$1"*)
        leave "a launch template names it: $template, version $version"
        return
        ;;
    esac
  done <<<"$templates"
}

# The groups of all versions of a region's launch templates, as $templates, read once.
templates='' templates_of=''
read_templates() {
  local each found=''
  [ "$templates_of" != "$AWS_REGION" ] || return 0
  ask ec2 describe-launch-templates --query 'LaunchTemplates[].[LaunchTemplateId]' || return
  for each in $answer; do
    [[ $each =~ ^lt-[0-9a-f]+$ ]] || { # it goes into a request
      said="one has the id $each"
      return 1
    }
    ask ec2 describe-launch-template-versions --cli-input-json "{\"LaunchTemplateId\":\"$each\"}" \
      --query 'LaunchTemplateVersions[].[LaunchTemplateId, VersionNumber, to_string(LaunchTemplateData.[
        SecurityGroupIds, SecurityGroups, NetworkInterfaces[].Groups[]])]' || return
    found+=$answer$'\n'
  done
  templates=$found templates_of=$AWS_REGION
}

# delete NAME
delete() {
  local each rule tags
  $open || return 0
  recall "$id"
  if [ "$what" = deleted ]; then
    say "  deleted before"
    return
  fi
  nothing_carries_it
  no_group_names_it
  no_connection_names_it
  no_template_names_it "$1"
  $open || return 0
  ask ec2 describe-security-groups --cli-input-json "{\"GroupIds\":[\"$id\"]}" \
    --query "SecurityGroups[].[to_string((Tags || \`[]\`)[?!starts_with(Key, 'aws:')])]" || {
    leave "its tags cannot be read: $said"
    return 0
  }
  local group_tags=$answer
  while IFS=$'\t' read -r each rule tags; do
    if [ -n "$rule" ]; then note tagged "$id $rule" "$tags"; fi
  done <<<"$rules"
  note deleting "$id" "$group_tags"
  change delete-security-group "{\"GroupId\":\"$id\"}" || {
    leave "cannot be deleted: $said"
    return 0
  }
  note deleted "$id" "$group_tags"
  did deleted "$label"
}

# move_to NAME REQUEST RULE PERMISSION …: makes the group that is to take this one's place, with its rules.
move_to() {
  local name=$1 request=$2
  shift 2
  no_group_names_it # what moves would lose what they let in
  $open || return 0
  if make "$name" "$request"; then fill "$@" || return 0; fi
}

# move INTERFACE GROUPS WORDS: the made group takes this one's place on the interface, if it carries these groups.
moved_all=true
move() {
  local after before
  $open || return 0
  recall "$1"
  read_interface "$1" || {
    moved_all=false
    say "  NOT MOVED: $3: it cannot be read: $said"
    return 0
  }
  after=$(put "$2" "$id" "$made") before=$(lines_of "$2")
  if [ -z "$carried" ]; then
    say "  not there any more: $3"
  elif [ "$carried" = "$before" ]; then
    note moving "$1" "$made"
    if $dry; then after=$2; fi # the group is not made
    set_groups "$1" "$after" || {
      moved_all=false
      say "  NOT MOVED: $3: $said"
      return 0
    }
    note moved "$1" "$made"
    did moved "$3"
  elif [ -n "$what" ] && [ "$carried" = "$(lines_of "$after")" ]; then
    if [ "$what" = moving ]; then note moved "$1" "$made"; fi
    say "  moved before: $3"
  else
    moved_all=false
    say "  NOT MOVED: $3: it carries other groups than were recorded: ${carried//$'\n'/ }"
  fi
}

# Nothing else is done to a group whose interfaces could not all be moved.
end_of_moves() {
  $open || return 0
  $moved_all || leave "not all of its interfaces were moved"
  moved_all=true
}

# finish UNDO
finish() {
  settle
  local how="changed"
  if $dry; then how="that could be changed"; fi
  say "account $account: groups $how: $changed, done before: $same, left alone or stopped: $left"
  if ! $dry && [ -s "$state" ]; then say "To undo it: bash $(printf %q "${state%/*}/$1")"; fi
  [ "$left" -eq 0 ] || exit 1
}
