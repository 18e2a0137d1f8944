# ── What the scripts of a plan have in common ──

umask 077
# As C, what is sorted is sorted alike everywhere. The AWS CLI is to ask and to page nothing.
export LC_ALL=C AWS_PAGER='' AWS_CLI_AUTO_PROMPT=off

dry=false
case $#${1-} in
  0) ;;
  1--dry-run) dry=true ;;
  *) echo "usage: bash $0 [--dry-run]" >&2; exit 2 ;;
esac

id='' vpc='' label='' # of the group whose turn it is
open=false            # whether its steps may be carried out
touched=false         # whether one was
changed=0 same=0 left=0

say() { printf '%s\n' "$*"; }

# Ends the script.
stop() {
  say "$*" >&2
  exit 2
}

command -v aws >/dev/null || stop "This script needs the AWS CLI (aws), version 1 or 2."
errors=$(mktemp) || stop "A temporary file cannot be made."
lock='' # the file that says that a script of this account is at work, once it is this one's
trap 'rm -f -- "$errors" ${lock:+"$lock"}' EXIT

# ask SERVICE OPERATION …: calls AWS. The answer is in $answer; where there is none, what was said instead, in one line,
# in $said.
ask() {
  said=''
  answer=$(aws "$@" --output text </dev/null 2>"$errors") && return
  said=$(tr -s '[:space:]' ' ' <"$errors" | tr -cd '[:print:]')
  said=${said# }
  return 1
}

# change OPERATION REQUEST …: a call to EC2 that changes something. A dry run asks whether it would be allowed: AWS says
# yes by an error of that name.
change() {
  local operation=$1 request=$2
  shift 2
  if ! $dry; then
    ask ec2 "$operation" --cli-input-json "$request" "$@"
    return
  fi
  ask ec2 "$operation" --cli-input-json "$request" "$@" --dry-run && return
  case $said in *'(DryRunOperation)'*) return 0 ;; esac
  return 1
}

# ── Access ──

# Keys of the environment would win over a profile.
use_profile() {
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_DEFAULT_PROFILE
  export AWS_PROFILE=$1
}

# assume_role ROLE REQUEST: its credentials stand in this script's environment, and nowhere else.
assume_role() {
  ask sts assume-role --cli-input-json "$2" \
    --query 'Credentials.[AccessKeyId, SecretAccessKey, SessionToken]' || stop "$1 cannot be assumed: $said"
  unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SECURITY_TOKEN
  export AWS_ACCESS_KEY_ID=${answer%%$'\t'*} AWS_SESSION_TOKEN=${answer##*$'\t'}
  answer=${answer#*$'\t'}
  export AWS_SECRET_ACCESS_KEY=${answer%$'\t'*}
  answer=''
}

check_account() {
  ask sts get-caller-identity --query Account || stop "Who the credentials are cannot be told: $said"
  [ "$answer" = "$1" ] ||
    stop "These credentials are of account $answer; the plan is for $1. Nothing was changed."
}

use_region() { export AWS_REGION=$1 AWS_DEFAULT_REGION=$1; }

# ── The state file: what was done, a line each: what, of which thing, and what is to be known to undo it ──

# The line before a call says that it may have been made, the one after that it was: whatever is killed between them
# is found out by a look at AWS.
open_state() {
  state=$1 plan=$2 noted=''
  $dry || take_lock "$1.lock"
  [ -s "$state" ] || return 0
  # Of a line that a full disk cut off, the next one must not become a part.
  $dry || [ -z "$(tail -c 1 -- "$state")" ] || printf '\n' >>"$state"
  noted=$(cat -- "$state")
  [ "${noted%%$'\n'*}" = "plan"$'\t'"$plan" ] ||
    stop "$state is of another plan's script. Undo that first, or move the file away. Nothing was changed."
}

# take_lock FILE: one script of an account at a time. With noclobber only one of several makes the file.
take_lock() {
  local who
  if ! (set -C && : >"$1") 2>/dev/null; then
    [ -e "$1" ] || [ -L "$1" ] || stop "$1 cannot be made: the script writes beside itself. Nothing was changed."
    who=$(cat -- "$1" 2>/dev/null) || :
    stop "$1 is there: ${who:-another script} is at work on this account, or was killed. If it runs no more, remove" \
      "that file and run this again. Nothing was changed."
  fi
  lock=$1
  printf '%s' "process $$ on ${HOSTNAME:-this machine}" >"$lock" || stop "$lock cannot be written. Nothing was changed."
  # A plan that took this one's place has no undo for what this script would do.
  grep -qF " $plan" -- "${BASH_SOURCE[0]}" 2>/dev/null ||
    stop "Another plan has been written in place of this script's. Nothing was changed."
}

# note WHAT KEY DATA
note() {
  $dry && return
  [ -n "$noted" ] || noted="plan"$'\t'"$plan"
  { [ -s "$state" ] || printf '%s\n' "$noted" >>"$state"; } && printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$state" ||
    stop "$state cannot be written; the script ends here."
  noted+=$'\n'"$1"$'\t'"$2"$'\t'"$3"
}

# recall KEY: what was noted last of it, as $what and $data; empty where nothing was, or where it is undone.
recall() {
  local was key more
  what='' data=''
  while IFS=$'\t' read -r was key more; do
    [ "$key" != "$1" ] || what=$was data=$more
  done <<<"$noted"
  [ "$what" != undone ] || what='' data=''
}

# ── Groups and their rules ──

# turn REGION ID VPC LABEL: it is this group's turn.
turn() {
  settle
  use_region "$1"
  id=$2 vpc=$3 label="$4 ($2) in $1" open=true touched=false
  say "$label"
}

settle() {
  if [ -z "$id" ]; then return; fi
  if ! $open; then
    left=$((left + 1))
  elif $touched; then
    changed=$((changed + 1))
  else
    same=$((same + 1))
  fi
}

# The group's steps end here; those of other groups go on.
leave() {
  open=false
  if $touched; then say "  STOPPED: $*"; else say "  LEFT ALONE: $*"; fi
}

did() {
  touched=true
  if $dry; then say "  could be $1: $2"; else say "  $1: $2"; fi
}

# A rule as one line of JSON: egress, protocol, first and last port, IPv4, IPv6, prefix list, group, description. Only
# these protocols have ports, and AWS writes a port that there is not as -1 or leaves it out.
rule_query="SecurityGroupRules[].[
  SecurityGroupRuleId,
  to_string([
    IsEgress, IpProtocol,
    contains(\`[\"tcp\",\"udp\",\"icmp\",\"icmpv6\"]\`, IpProtocol) && FromPort || \`-1\`,
    contains(\`[\"tcp\",\"udp\",\"icmp\",\"icmpv6\"]\`, IpProtocol) && ToPort || \`-1\`,
    CidrIpv4, CidrIpv6, PrefixListId, ReferencedGroupInfo.GroupId, Description || ''
  ]),
  to_string((Tags || \`[]\`)[?!starts_with(Key, 'aws:')])
]"

# told RULE: that line as a person reads it.
told() {
  local out protocol first last rest peer way=from
  IFS=, read -r out protocol first last rest <<<"${1#[}"
  rest=${rest%]}
  while [ "$rest" != "${rest#null,}" ]; do rest=${rest#null,}; done
  peer=${rest%%,*} rest=${rest#*,}
  while [ "$rest" != "${rest#null,}" ]; do rest=${rest#null,}; done
  if [ "$out" = true ]; then way=to; fi
  if [ "$last" = "$first" ] || [ "$last" = -1 ]; then last=''; fi
  protocol=${protocol//\"/}
  case $protocol in
    -1) protocol='all traffic' ;;
    *[a-z]*) protocol="$protocol $first${last:+-$last}" ;;
    *) protocol="protocol $protocol" ;;
  esac
  printf '%s %s %s' "$protocol" "$way" "${peer//\"/}"
  if [ "$rest" != '""' ]; then printf ' %s' "$rest"; fi
}

# read_rules ID: the group's rules at this moment, as $rules: id, rule, tags, a line each. No group, no rules.
read_rules() {
  ask ec2 describe-security-group-rules --query "$rule_query" \
    --cli-input-json "{\"Filters\":[{\"Name\":\"group-id\",\"Values\":[\"$1\"]}]}" || return
  rules=$answer
}

# find_rule RULE: whether it was there when the rules were read, with its $rule_id and $rule_tags.
find_rule() {
  local each rule tags
  while IFS=$'\t' read -r each rule tags; do
    if [ "$rule" = "$1" ]; then
      rule_id=$each rule_tags=$tags
      [[ $rule_id =~ ^sgr-[0-9a-f]+$ ]] # it goes into a request
      return
    fi
  done <<<"$rules"
  return 1
}

direction() { case $1 in '[true,'*) echo egress ;; *) echo ingress ;; esac; }

# add_rule GROUP RULE PERMISSIONS TAGS
add_rule() {
  local request="{\"GroupId\":\"$1\",\"IpPermissions\":[$3]"
  [ "$4" = '[]' ] || request+=",\"TagSpecifications\":[{\"ResourceType\":\"security-group-rule\",\"Tags\":$4}]"
  change "authorize-security-group-$(direction "$2")" "$request}"
}

# revoke GROUP RULE RULE_ID
revoke() {
  change "revoke-security-group-$(direction "$2")" "{\"GroupId\":\"$1\",\"SecurityGroupRuleIds\":[\"$3\"]}"
}

# ── A group that is made ──

# find_named NAME: the id, as $found, of the group of that name, written as JSON, in this group's VPC.
find_named() {
  local each name
  found=''
  ask ec2 describe-security-groups --query 'SecurityGroups[].[GroupId, to_string([GroupName])]' \
    --cli-input-json "{\"Filters\":[{\"Name\":\"vpc-id\",\"Values\":[\"$vpc\"]}]}" || return
  while IFS=$'\t' read -r each name; do
    [ "$name" != "[$1]" ] || found=$each
  done <<<"$answer"
}

# make NAME REQUEST: the group that is made in this one's place, as $made; one that this script began is taken up again.
make() {
  recall "$id new"
  made=$data fresh=false
  case $what in made | filled) return ;; esac
  find_named "$1" || {
    leave "the groups of $vpc cannot be read: $said"
    return 1
  }
  if [ -n "$found" ] && [ "$what" != making ]; then
    leave "there is a group named $1 already: $found"
    return 1
  fi
  made=$found
  if [ -z "$made" ]; then
    note making "$id new" -
    change create-security-group "$2" --query GroupId || {
      leave "the group $1 cannot be made: $said"
      return 1
    }
    made=$answer fresh=true
    did made "the group $1${made:+, $made}"
  fi
  if $dry; then return; fi
  [[ $made =~ ^sg-[0-9a-f]+$ ]] || {
    leave "AWS named the new group $made"
    return 1
  }
  note made "$id new" "$made"
}

# fill RULE PERMISSION …: gives the made group these rules and no others. A rule for the group itself is one for the made
# one, and tags are those that were noted. It carries nothing yet, so all of it may be done again.
fill() {
  local each rule tags from to many='' many_out=''
  recall "$id new"
  if $dry || [ "$what" = filled ]; then return; fi
  for each in 1 2 3 4 5; do
    read_rules "$made" || {
      leave "the rules of $made cannot be read: $said"
      return 1
    }
    # A new group has some; all of EC2 may take a moment to know it.
    if [ -n "$rules" ] || ! $fresh; then break; fi
    sleep "$each"
  done
  while IFS=$'\t' read -r each rule tags; do
    if [ -n "$each" ]; then # AWS lets all out of a new group
      revoke "$made" "$rule" "$each" || {
        leave "$made cannot be emptied: $said"
        return 1
      }
    fi
  done <<<"$rules"
  from="\"GroupId\":\"$id\"" to="\"GroupId\":\"$made\""
  while [ $# -gt 0 ]; do
    rule=$1 each=${2//"$from"/$to} tags='[]'
    shift 2
    recall "$id $rule"
    [ "$what" != tagged ] || tags=$data
    if [ "$tags" != '[]' ]; then
      add_rule "$made" "$rule" "$each" "$tags" || {
        leave "$made does not get a rule: $said"
        return 1
      }
    elif [ "$(direction "$rule")" = ingress ]; then
      many+=${many:+,}$each
    else
      many_out+=${many_out:+,}$each
    fi
  done
  if [ -n "$many" ] && ! add_rule "$made" '[false,' "$many" '[]'; then
    leave "$made does not get its rules: $said"
    return 1
  fi
  if [ -n "$many_out" ] && ! add_rule "$made" '[true,' "$many_out" '[]'; then
    leave "$made does not get its rules: $said"
    return 1
  fi
  note filled "$id new" "$made"
}

# ── Interfaces ──

# read_interface ID: the groups that it carries now, as $carried, sorted, a line each; empty where it is not there.
read_interface() {
  ask ec2 describe-network-interfaces --query 'NetworkInterfaces[].Groups[].GroupId' \
    --cli-input-json "{\"Filters\":[{\"Name\":\"network-interface-id\",\"Values\":[\"$1\"]}]}" || return
  carried=$(lines_of "$answer")
}

lines_of() { printf '%s' "$1" | tr -s '[:space:]' '\n' | sort; }

# put GROUPS OLD NEW: the groups with another in the place of one.
put() {
  local groups=" $1 "
  groups=${groups/" $2 "/" $3 "}
  groups=${groups# }
  printf '%s' "${groups% }"
}

# set_groups INTERFACE GROUPS: ids with spaces between them
set_groups() {
  change modify-network-interface-attribute "{\"NetworkInterfaceId\":\"$1\",\"Groups\":[\"${2// /\",\"}\"]}"
}
