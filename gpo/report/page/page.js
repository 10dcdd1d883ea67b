"use strict";
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  document.documentElement.classList.add("scripted");

  // Copying works from a file too, where there may be no clipboard for pages.
  const copy = async (node) => {
    try { await navigator.clipboard.writeText(node.textContent); return true; } catch {
      const range = document.createRange();
      range.selectNodeContents(node);
      const chosen = getSelection();
      chosen.removeAllRanges();
      chosen.addRange(range);
      return document.execCommand("copy");
    }
  };
  for (const button of all("button.copy")) {
    const name = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      button.textContent = await copy(document.getElementById(button.dataset.copy)) ? "Copied" : "Select and copy it";
      setTimeout(() => { button.textContent = name; }, 2000);
    });
  }

  const form = document.querySelector("form.filter");
  if (form) {
    const cases = all("article.case"), list = document.querySelector(".cases"), more = document.querySelector("button.more");
    const first = 10;
    let open = false;
    for (const [place, each] of cases.entries()) {
      each.order = place;
      each.words = each.textContent.toLowerCase();
    }
    const orders = {
      "": (each) => each.order,
      place: (each) => Number(each.dataset.place),
      gain: (each) => Number(each.dataset.gain),
      long: (each) => -each.words.length,
    };
    const show = () => {
      const kinds = new Set(all("input[name=kind]:checked", form).map((box) => box.value));
      const wanted = form.elements.text.value.trim().toLowerCase();
      const rank = orders[form.elements.sort.value];
      const found = cases.filter((each) => kinds.has(each.dataset.kind) && each.words.includes(wanted));
      found.sort((one, other) => rank(one) - rank(other) || one.order - other.order);
      for (const each of cases) each.hidden = true;
      for (const [place, each] of found.entries()) each.hidden = !open && place >= first;
      list.append(...found);
      more.hidden = open || found.length <= first;
      more.textContent = `Show all ${found.length.toLocaleString("en")}`;
      form.querySelector("output").textContent = `${found.length.toLocaleString("en")} found`;
    };
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => { open = false; show(); });
    more.addEventListener("click", () => { open = true; show(); });
    show();
  }

  for (const table of all("table.sortable")) {
    for (const [column, head] of all("thead th", table).entries()) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        for (const other of all("thead th", table)) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down === 1 ? "ascending" : "descending");
        const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
        const rows = all("tbody tr", table);
        rows.sort((one, other) => down * value(one).localeCompare(value(other), "en", { numeric: true }));
        table.tBodies[0].append(...rows);
      });
    }
  }
})();
