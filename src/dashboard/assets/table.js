// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// A table of any number of rows, of which only those in sight are in the page. Columns sort.
import {h, keep, show} from "./dom.js";

const ROW_PX = 44;
const MARGIN_ROWS = 12;

// columns: [{key, label, value(row), cell(row) -> node, class}]; value is what it sorts by.
// keyOf(row): what a row is known by, so that it stays the same element when rows change.
export class Table {
  constructor({label, columns, keyOf, sortKey, emptyNode}) {
    Object.assign(this, {columns, keyOf, emptyNode, sortKey: sortKey ?? columns[0].key});
    this.sortUp = true;
    this.rows = [];
    this.first = -1;
    this.above = h("tr", {"aria-hidden": "true", class: "spacer"});
    this.below = h("tr", {"aria-hidden": "true", class: "spacer"});
    this.body = h("tbody", {});
    this.heads = columns.map((column) => this.head(column));
    this.table = h("table", {"aria-label": label}, h("thead", {}, h("tr", {}, this.heads)),
      this.body);
    this.blank = h("div", {class: "blank"});
    this.node = h("div", {class: "table", tabindex: -1, onscroll: () => this.draw(false)},
      this.table, this.blank);
    this.observer = new ResizeObserver(() => this.draw(true));
    this.observer.observe(this.node);
  }

  close() {
    this.observer.disconnect();
  }

  head(column) {
    if (!column.value) {
      return h("th", {scope: "col", class: column.class}, h("span", {class: "sr"}, column.label));
    }
    return h("th", {scope: "col", class: column.class}, h("button", {type: "button",
      class: "sort", onclick: () => {
        this.sortUp = this.sortKey === column.key ? !this.sortUp : true;
        this.sortKey = column.key;
        this.setRows(this.rows);
      }}, column.label, h("span", {class: "arrow", "aria-hidden": "true"})));
  }

  setRows(rows) {
    const {value} = this.columns.find((column) => column.key === this.sortKey);
    const way = this.sortUp ? 1 : -1;
    const keyed = rows.map((row) => ({by: value(row), row}));
    keyed.sort((a, b) => (a.by === b.by ? 0 : a.by < b.by ? -way : way));
    this.rows = keyed.map(({row}) => row);
    this.columns.forEach((column, i) => {
      const isIt = column.key === this.sortKey;
      this.heads[i].setAttribute("aria-sort", !isIt ? "none"
        : this.sortUp ? "ascending" : "descending");
      const arrow = this.heads[i].querySelector(".arrow");
      if (arrow) {
        arrow.textContent = !isIt ? "" : this.sortUp ? " ▲" : " ▼";
      }
    });
    this.table.setAttribute("aria-rowcount", this.rows.length + 1);
    this.table.hidden = this.rows.length === 0;
    show(this.blank, this.rows.length === 0 ? this.emptyNode() : null);
    this.draw(true);
  }

  draw(isForced) {
    const height = this.node.clientHeight || 600;
    const first = Math.max(Math.floor(this.node.scrollTop / ROW_PX) - MARGIN_ROWS, 0);
    const last = Math.min(first + Math.ceil(height / ROW_PX) + 2 * MARGIN_ROWS, this.rows.length);
    if (!isForced && Math.abs(first - this.first) < MARGIN_ROWS / 2) {
      return;
    }
    this.first = first;
    this.above.style.setProperty("height", `${first * ROW_PX}px`);
    this.below.style.setProperty("height", `${(this.rows.length - last) * ROW_PX}px`);
    const present = new Map([...this.body.children].map((node) => [node.dataset.key, node]));
    const rows = [];
    for (let i = first; i < last; i += 1) {
      const fresh = this.row(this.rows[i], i);
      const old = present.get(fresh.dataset.key);
      if (old) {
        keep(old, fresh);
      }
      rows.push(old ?? fresh);
    }
    this.place(rows);
  }

  // Rows that stay are not touched: what is pressed stays pressed, what has the focus keeps it.
  place(rows) {
    const wanted = new Set([this.above, ...rows, this.below]);
    [...this.body.children].filter((node) => !wanted.has(node)).forEach((node) => node.remove());
    let at = this.body.firstChild;
    for (const node of wanted) {
      if (node === at) {
        at = at.nextSibling;
      } else {
        this.body.insertBefore(node, at);
      }
    }
  }

  row(row, i) {
    const node = h("tr", {"aria-rowindex": i + 2}, this.columns.map((column) => h("td", {
      class: column.class, "data-label": column.label}, column.cell(row))));
    node.dataset.key = this.keyOf(row);
    return node;
  }
}
