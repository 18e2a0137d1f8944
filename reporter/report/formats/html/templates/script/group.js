// A group, opened.

const fact = (name, ...shown) => element("div", {}, element("dt", {}, name), element("dd", {}, ...shown));
const facts = (...rows) => element("dl", { className: "facts" }, ...rows.filter(Boolean));
const items = (values) => element("ul", {}, values.map((each) => element("li", {}, told(each))));

/** A table. One that is `stacked` has its cells below each other where there is no room, and then no role of its own. */
function plainTable(caption, heads, rows, className = "") {
  for (const line of rows) {
    line.role = "row";
    [...line.cells].forEach((cell, place) => {
      cell.role = place ? "cell" : "rowheader";
      cell.dataset.label = heads[place];
    });
  }
  return element(
    "div", { className: "wide", tabIndex: 0, role: "region", "aria-label": `Table: ${caption.toLowerCase()}` },
    element(
      "table", { className, role: "table" }, element("caption", { className: "aside" }, caption),
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, heads.map((head) => element("th", { scope: "col", role: "columnheader" }, head)))),
      element("tbody", { role: "rowgroup" }, rows)));
}

const CHANGES = { new: "new", changed: "changed", same: "unchanged" };
/** What became of it since the run before, in words. */
const changeOf = (change) => (change ? `${CHANGES[change] ?? change} since the run before` : "");

const row = (first, others, className = "") => element(
  "tr", { className }, element("th", { scope: "row" }, first), others.map((each) => element("td", {}, each)));

/** Where the group is in the AWS console: only where region and id have the form that AWS gives them. */
function consoleLink(group) {
  const start = data.consoles[text(group, "region")];
  if (!start || !group[G.in_console]) return null;
  return element(
    "a", { href: start + text(group, "id"), rel: "noopener noreferrer", target: "_blank" }, "Open in the AWS console");
}

function findingOf(finding) {
  const policy = policies[finding[F.policy]];
  const matched = finding[F.matched];
  const since = texts[finding[F.first_seen]], change = texts[finding[F.since_last]], waived = texts[finding[F.waived]];
  return element(
    "li", {}, element("strong", {}, told(policy.title)), policy.title === policy.name ? "" : ` (${policy.name})`,
    finding[F.proven] ? "" : [" ", unknown("possible: the policy was not read there")],
    element(
      "small", {},
      [
        finding[F.proven] && matched === null ? "which rules matched is not told" : "",
        matched?.length ? `matched: ${matched.map((place) => texts[place]).join("; ")}` : "",
        since ? `since ${since}${change ? `, ${changeOf(change)}` : ""}` : "",
        waived ? `waived: ${waived}` : "",
        policy.controls.length ? `asked for by ${policy.controls.join(", ")}` : "",
      ].filter(Boolean).join(" · ")),
    policy.about && policy.about !== policy.title ? element("details", {}, element("summary", {}, "What the policy is about"), policy.about) : "");
}

function rulesOf(group) {
  const rules = group[G.rules];
  if (rules === null) return element("p", {}, unknown("The rules could not be read again."));
  if (!rules.length) return element("p", {}, "It has no rules: nothing is let in or out.");
  const catching = new Map(); // rule -> policies
  for (const finding of group[G.findings]) {
    for (const rule of finding[F.matched] ?? []) {
      if (!catching.has(rule)) catching.set(rule, []);
      catching.get(rule).push(policies[finding[F.policy]]);
    }
  }
  const byPolicy = (rule) => catching.get(rule)?.some((policy) => policy.exposed) ?? false;
  const offending = (rule) => byPolicy(rule) || group[G.open_ssh].includes(rule);
  const needless = new Set(list(group, "covered"));
  // What several rules open together, and no rule by itself; and what a policy matched before the rules were read.
  const others = [...catching.keys()].filter((rule) => !rules.includes(rule));
  const together = others.filter((rule) => texts[rule].endsWith(data.together) && offending(rule));
  const before = others.filter((rule) => !texts[rule].endsWith(data.together));
  const isPart = (rule) => group[G.parts].includes(rule);
  const weight = (rule) => 3 * offending(rule) + 2 * isPart(rule) + catching.has(rule);
  const sorted = [...rules].sort((one, other) => weight(other) - weight(one));
  return element(
    "div", {},
    together.length ? element("p", {}, element("strong", {}, "offending: "), told(together.map((rule) => texts[rule]).join("; "))) : "",
    before.length ? element("p", {}, "Matched when a policy looked, and not among the rules as they were read: ", told(before.map((rule) => texts[rule]).join("; "))) : "",
    plainTable("Rules", ["rule", "found by"], sorted.map((rule) => {
      const itself = offending(rule) && !byPolicy(rule) ? ["SSH open to the world, whatever policies say"] : [];
      const by = [...itself, ...(catching.get(rule) ?? []).map((policy) => policy.title)].join(", ");
      const mark = offending(rule) ? element("strong", {}, "offending: ") : isPart(rule) ? element("strong", {}, "offending with others") : "";
      return row(told(texts[rule]), [element("span", {}, mark, isPart(rule) && !offending(rule) && by ? "; " : "", told(by))], mark ? "offending" : "");
    })),
    needless.size ? element("p", {}, "Made needless by its other rules: ", told([...needless].join(", "))) : "");
}

const WITHOUT_TOKEN = "answers without a token (IMDSv1)";
/** Whether an instance gives out its credentials without a token. */
const tokenless = (answer) => (answer ? `, and an instance ${WITHOUT_TOKEN}` : answer === null ? [", ", unknown("whether an instance answers without a token")] : "");
const NO_INSTANCE_ROLE = "no role of an instance behind it";
const whyPower = (group) => (list(group, "why_power").length ? items(list(group, "why_power")) : "");

function interfacesOf(group) {
  const more = group[G.more_interfaces];
  const at = (each, field) => texts[each[I[field]]];
  if (!group[G.interfaces].length) {
    return element("p", {}, group[G.in_use] === null ? unknown("Which interfaces carry it was not read.") : group[G.in_use] ? "None is known." : "None carries it.");
  }
  return element(
    "div", {},
    plainTable("Interfaces", ["interface", "instance", "addresses", "reachable", "why"], group[G.interfaces].map((each) => row(
      element(
        "span", {}, at(each, "id") ? element("span", { className: "whole" }, at(each, "id")) : unknown("not read"),
        element("small", {}, told([at(each, "type"), at(each, "description")].filter((shown) => shown && shown !== "interface").join(": "))),
        at(each, "account") !== text(group, "account") ? element("small", {}, "of account ", told(at(each, "account"))) : "",
        element("small", {}, at(each, "subnet"))),
      [
        element(
          "span", {}, told(at(each, "instance") || "none"), ...each[I.roles].map((place) => element("small", {}, told(texts[place]))),
          each[I.imdsv1] && at(each, "instance") ? element("small", {}, WITHOUT_TOKEN) : ""),
        element("span", {}, each[I.addresses].map((place) => texts[place]).join(", ")),
        element("span", { className: `reach ${at(each, "reachable")}` }, at(each, "reachable")),
        told(at(each, "why")),
      ])), "stacked"),
    more ? element("p", {}, `and ${plural(more, "more interface")}: tab attachments of the workbook`) : "");
}

function closeButton(dialog) {
  const close = element("button", { type: "button", autofocus: true }, "Close");
  close.addEventListener("click", () => dialog.close());
  return close;
}

function fill(dialog, group) {
  const account = accounts.get(text(group, "account"));
  const reachable = text(group, "reachable");
  const since = text(group, "first_seen"), change = changeOf(text(group, "since_last"));
  const known = new Set(group[G.interfaces].map((each) => texts[each[I.instance]]));
  const instances = list(group, "instances").filter((each) => !known.has(each));
  const close = closeButton(dialog);
  dialog.replaceChildren(
    element(
      "div", { className: "bar" },
      element(
        "div", {},
        element("h2", { id: "group-title" }, told(nameOf(group)), element("small", {}, text(group, "id"))),
        element(
          "p", { className: "note" },
          "account ", told(`${text(group, "account")}${account?.id ? ` (${account.id})` : ""}`), ` · ${text(group, "region")}`,
          consoleLink(group) ? [" · ", consoleLink(group)] : "")),
      close),
    facts(
      fact("risk", badge(group), " ", told(text(group, "why_level"))),
      fact("reachable", element("span", { className: `reach ${reachable}` }, reachable), ": ", told(text(group, "why_reachable"))),
      data.powers.length ? fact("role behind it", element("span", {}, powerOf(group)), tokenless(group[G.imdsv1]), whyPower(group)) : null,
      data.access ? fact("Access Analyzer", told(text(group, "access") || NO_INSTANCE_ROLE)) : null,
      fact("open to the world", list(group, "open").join(", ") || opensOf(group)),
      fact("since", since ? `${since}${change ? ` (${change})` : ""}` : "not known: no earlier run tells"),
      fact("waived", told(text(group, "waived") || "no"))),
    whatToDo(group),
    element("h3", {}, "Rules"), rulesOf(group),
    element("h3", {}, "Interfaces"), interfacesOf(group),
    instances.length ? element("h3", {}, "Other instances") : "",
    instances.length ? items(instances) : "",
    element("h3", {}, "Found by"),
    group[G.findings].length ? element("ul", {}, group[G.findings].map(findingOf)) : element("p", {}, "No policy: its own rules tell."),
    element("h3", {}, "About the group"),
    facts(
      fact("description", told(text(group, "description") || "none")),
      fact("tags", told(list(group, "tags").join(", ") || "none")),
      account?.labels.length ? fact("account's labels", told(account.labels.join(", "))) : null,
      fact("VPC", text(group, "vpc") || "none"),
      group[G.same_rules].length ? fact("same rules as", list(group, "same_rules").join(", ")) : null));
}

function openGroup(id) {
  const dialog = byId("group");
  opened = id;
  if (!id) {
    if (dialog.open) dialog.close();
    return;
  }
  const group = groups.find((each) => text(each, "id") === id);
  if (group) fill(dialog, group);
  else {
    dialog.replaceChildren(
      element("div", { className: "bar" }, element("h2", { id: "group-title" }, "Not on this page"), closeButton(dialog)),
      element("p", {}, "This page has no group ", told(id), ": nothing was found of it, or it is among those left out."));
  }
  if (!dialog.open) dialog.showModal();
  else dialog.querySelector("button").focus(); // the one before is gone, with the group before
  dialog.scrollTop = 0;
}

byId("group").addEventListener("close", () => {
  if (!opened) return; // the address has changed already
  opened = "";
  if (byUs) history.back();
  else toAddress(true);
  byUs = false;
});
byId("group").addEventListener("click", (event) => {
  if (event.target === event.currentTarget && event.clientY) {
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) event.target.close();
  }
});
