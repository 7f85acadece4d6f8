// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
// What moves between hosts, as arrows over their cells. For the eye alone: the list of what moves
// says the same in words.
import {redraw, svg} from "./dom.js";

const ARROWS_MAX = 80;
const BEND = 0.18; // of its length: two that go both ways are two

// [{from, to, count}] of the running ones, the most first.
export function pairsOf(migrations) {
  const pairs = new Map();
  for (const {source_host: from, dest_host: to} of migrations) {
    if (from && to) {
      const key = JSON.stringify([from, to]);
      pairs.set(key, {from, to, count: (pairs.get(key)?.count ?? 0) + 1});
    }
  }
  return [...pairs.values()].sort((a, b) => b.count - a.count).slice(0, ARROWS_MAX);
}

function boxOf(cells, name, origin) {
  const node = cells.querySelector(`[data-host="${CSS.escape(name)}"]`);
  const box = node?.getBoundingClientRect();
  return box && {x: box.x + box.width / 2 - origin.x, y: box.y + box.height / 2 - origin.y,
    width: box.width, height: box.height};
}

// From the middle of a cell towards a point, as far as its edge.
function edge(box, point) {
  const [dx, dy] = [point.x - box.x, point.y - box.y];
  const scale = Math.min(dx ? box.width / 2 / Math.abs(dx) : Infinity,
    dy ? box.height / 2 / Math.abs(dy) : Infinity, 1);
  return {x: box.x + dx * scale, y: box.y + dy * scale};
}

function arrow(from, to, pair) {
  const bend = {x: (from.x + to.x) / 2 - (to.y - from.y) * BEND,
    y: (from.y + to.y) / 2 + (to.x - from.x) * BEND};
  const [start, end] = [edge(from, bend), edge(to, bend)];
  const number = (value) => value.toFixed(1);
  return [svg("path", {class: "flow-arrow", "marker-end": "url(#flow-head)",
    "stroke-width": Math.min(1.5 + Math.log2(pair.count), 6),
    "data-way": `${pair.from} ${pair.to}`, d: `M${number(start.x)} ${number(start.y)} Q${
      number(bend.x)} ${number(bend.y)} ${number(end.x)} ${number(end.y)}`}),
  pair.count > 1 && svg("text", {class: "flow-count", x: number((start.x + end.x) / 4 + bend.x / 2),
    y: number((start.y + end.y) / 4 + bend.y / 2)}, String(pair.count))];
}

// A layer over cells, whose elements say in data-host which host they are. {node, draw, close}
export function flowLayer(cells) {
  const arrows = svg("g", {});
  const node = svg("svg", {class: "flow-layer", "aria-hidden": "true"}, svg("defs", {},
    svg("marker", {id: "flow-head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 10,
      markerHeight: 10, markerUnits: "userSpaceOnUse", orient: "auto"},
    svg("path", {d: "M0 0 L8 4 L0 8 z"}))), arrows);
  let pairs = [];
  function place() {
    const origin = node.getBoundingClientRect();
    redraw(arrows, pairs.map((pair) => {
      const [from, to] = [boxOf(cells, pair.from, origin), boxOf(cells, pair.to, origin)];
      return from && to && pair.from !== pair.to ? arrow(from, to, pair) : null;
    }).flat().filter((one) => one));
  }
  const observer = new ResizeObserver(place);
  observer.observe(cells);
  return {node, draw: (migrations) => {
    pairs = pairsOf(migrations);
    place();
  }, close: () => observer.disconnect()};
}
