// What the studio says of a picture, in the page's language; what is not known stays as it is.

import { $, el } from "./dom.js";
import { current } from "./i18n.js";

const vietnamese = [
  [/^only the first frame of the animation was read$/, "chỉ đọc khung hình đầu của ảnh động"],
  [/^its HDR gain map is left out: .*$/, "bỏ qua dữ liệu HDR: đã đọc ảnh thường"],
  [/^samples of more than 8 bits in this layout were read at 8 bits$/, "ảnh hơn 8 bit ở dạng này được đọc thành 8 bit"],
  [/^(\w+) input is written as PNG$/, "ảnh $1 được ghi thành PNG"],
  [/^JPEG holds no transparency: .*$/, "JPEG không giữ được độ trong suốt: ảnh được ghi đặc"],
  [/^(\w+) holds 8 bits: .*$/, "$1 chỉ giữ 8 bit: ảnh 16 bit được ghi thành 8 bit"],
  [/^IPTC captions and comments .* left out in (\w+)$/, "chú thích IPTC của JPEG bị bỏ trong $1"],
  [/^text chunks of a PNG are left out in (\w+)$/, "phần văn bản của PNG bị bỏ trong $1"],
];

/** A note in the current language. */
export function say(note) {
  if (current() !== "vi") return note;
  const [pattern, text] = vietnamese.find(([one]) => one.test(note)) ?? [];
  return pattern ? note.replace(pattern, text) : note;
}

export const show = (all) => $("notes").replaceChildren(...all.map((note) => el("li", { textContent: say(note) })));
