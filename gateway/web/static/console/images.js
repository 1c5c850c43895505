// The images of a recording: the one of this moment large, all of them to choose from.

import { fill, h } from "./dom.js";
import { clock } from "./words.js";

/** Show images; `choose(place)` plays from one. Answers {now, all, follow(seconds)}. */
export function imagesOf(images, choose) {
  const large = h("div", { class: "large" });
  const words = h("figcaption", { class: "quiet number" });
  const buttons = images.map((image, place) => h("button", { type: "button", class: "thumb", onclick: () => choose(place),
    // The label begins with what is to be read on it.
  "aria-label": image.offset_s === null ? `?: show image ${place + 1}, its time is not known` : `${clock(image.offset_s)}: play from image ${place + 1}` },
  image.download_url && image.type === "image" ? h("img", { src: image.download_url, alt: "", loading: "lazy", width: 96, height: 72 }) : h("span", { class: "quiet" }, image.type === "video" ? "Video" : "Not here yet"),
  h("span", { class: "number" }, image.offset_s === null ? "?" : clock(image.offset_s))));
  const strip = h("ul", { class: "strip", "aria-label": "Images" }, buttons.map((each) => h("li", {}, each)));
  let shown = null;

  function show(place) {
    if (place === shown) return;
    shown = place;
    const image = images[place];
    buttons.forEach((each, at) => at === place ? each.setAttribute("aria-current", "true") : each.removeAttribute("aria-current"));
    fill(large, picture(image, place, images.length));
    fill(words, `Image ${place + 1} of ${images.length}${image.offset_s === null ? "" : ` · ${clock(image.offset_s)}`}`);
    const button = buttons[place];
    if (strip.clientWidth) strip.scrollLeft = button.offsetLeft - strip.clientWidth / 2 + button.clientWidth / 2;
  }

  /** Show the image that was the newest at a moment. */
  function follow(seconds) {
    const past = images.findLastIndex((each) => each.offset_s !== null && each.offset_s <= seconds + 0.05);
    if (images.length) show(Math.max(0, past));
  }
  const [now, all] = images.length ? [h("figure", { class: "now" }, large, words), strip] : [null, null];
  return { now, all, follow, show, shown: () => shown };
}

function picture(image, place, many) {
  if (!image.download_url) return h("p", { class: "quiet" }, "This image is not here yet: the device still has it.");
  if (image.type === "video") return h("video", { src: image.download_url, controls: true, preload: "metadata" });
  return h("a", { href: image.download_url, target: "_blank", rel: "noreferrer", title: "Open by itself" },
    h("img", { src: image.download_url, alt: `Image ${place + 1} of ${many}` }));
}
