// SPDX-License-Identifier: Apache-2.0
// Copyright the drover authors.
import {logIn} from "./api.js";
import {field, h, show} from "./dom.js";

// Resolves with the session. reason: why one must log in (again); null at the first time.
export function askLogin(root, reason) {
  return new Promise((resolve) => {
    const user = h("input", {name: "username", autocomplete: "username", required: true,
      value: "admin"});
    const password = h("input", {name: "password", type: "password", required: true,
      autocomplete: "current-password"});
    const project = h("input", {name: "project", required: true, value: "admin"});
    const problem = h("div", {class: "alert bad", role: "alert", hidden: true});
    const submit = h("button", {class: "primary", type: "submit"}, "Log in");
    const form = h("form", {class: "login", onsubmit: async (event) => {
      event.preventDefault();
      submit.disabled = true;
      problem.hidden = true;
      try {
        resolve(await logIn(user.value, password.value, project.value));
      } catch (error) {
        show(problem, error.message);
        problem.hidden = false;
        password.select();
      } finally {
        submit.disabled = false;
      }
    }}, h("h1", {}, h("span", {class: "logo", "aria-hidden": "true"}, "⇄"), " drover"),
    reason && h("div", {class: "alert info", role: "status"}, reason),
    field("User", user), field("Password", password), field("Project", project), problem, submit,
    h("p", {class: "hint"}, "The first administrator's password was printed once, when droverd "
      + "started for the first time. ", h("code", {}, "droverd --reset-password admin"),
    " makes a new one."));
    show(root, h("main", {class: "login-page"}, form));
    password.focus();
  });
}
