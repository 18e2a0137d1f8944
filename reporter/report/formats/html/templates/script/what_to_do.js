// What to do about a group, and the commands for it.

const EXACT = /^(tcp|udp) (\d+)(?:-(\d+))? from ([0-9a-f.:]+\/\d+)$/;

/** What removes a rule of the group by its id, with the AWS CLI; null where the rule is not told exactly. */
function removing(group, rule) {
  const found = EXACT.exec(rule);
  if (!found || !group[G.in_console]) return null;
  const [, protocol, first, last = first, block] = found;
  const there = `--region ${text(group, "region")}`;
  const asked = [
    "IsEgress==`false`", `IpProtocol==\`"${protocol}"\``, `FromPort==\`${first}\``, `ToPort==\`${last}\``,
    `${block.includes(":") ? "CidrIpv6" : "CidrIpv4"}==\`"${block}"\``,
  ].join(" && ");
  return `aws ec2 revoke-security-group-ingress ${there} --group-id ${text(group, "id")} --security-group-rule-ids ` +
    `$(aws ec2 describe-security-group-rules ${there} --filters Name=group-id,Values=${text(group, "id")} ` +
    `--query 'SecurityGroupRules[?${asked}].SecurityGroupRuleId' --output text)`;
}

/** What writes a plan for findings of the group's account. */
function planning(group, found) {
  const id = accounts.get(text(group, "account"))?.id ?? "";
  const names = [...new Set(found.map((each) => policies[each[F.policy]].name))].filter((each) => /^[\w.-]+$/.test(each));
  return `sg-audit remedy${/^\d{12}$/.test(id) ? ` -a ${id}` : ""} -p ${names.join(",")}`;
}

function command(line) {
  const code = element("code", {}, line);
  const copy = element("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(line);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      copy.textContent = "Selected";
    }
  });
  return element("div", { className: "command" }, code, copy);
}

function whatToDo(group) {
  const found = group[G.findings];
  const told = new Map(); // sentence -> titles of policies
  for (const each of found) {
    const sentence = texts[each[F.next_step]];
    if (!sentence) continue;
    if (!told.has(sentence)) told.set(sentence, []);
    told.get(sentence).push(policies[each[F.policy]].title);
  }
  if (!told.size) return "";
  const open = found.filter((each) => each[F.proven] && !each[F.is_waived]);
  const counting = open.filter((each) => policies[each[F.policy]].closed_by_default);
  const rules = [...new Set(open.filter((each) => policies[each[F.policy]].exposed).flatMap((each) => each[F.removable]))];
  const byHand = rules.map((rule) => removing(group, texts[rule])).filter(Boolean);
  return element(
    "section", {}, element("h3", {}, "What to do"),
    element("ul", {}, [...told].map(([sentence, titles]) => element(
      "li", {}, ...advice(sentence), element("small", {}, element("bdi", {}, titles.join(", ")))))),
    open.length ? [
      element("p", {}, "Where the audit was run, this writes the steps for all groups of the account that these policies found, with " +
        "checks before and an undo after, or says why there are none; add -s FOLDER if its runs are not in output:"),
      command(planning(group, counting.length ? counting : open)),
    ] : "",
    byHand.length ? [
      element("p", {}, "Or by hand, with the AWS CLI and credentials of this account that may change the group. Nothing checks it or undoes it:"),
      ...byHand.map(command),
    ] : "");
}
