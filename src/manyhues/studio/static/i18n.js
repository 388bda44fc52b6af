// Both languages, side by side, and the switch between them.

const texts = {
  skip: ["Skip to the pictures", "Đến thẳng phần ảnh"],
  nav: ["Studio", "Xưởng màu"],
  newPicture: ["New picture", "Ảnh mới"],
  api: ["API", "API"],
  theme: ["Light or dark", "Sáng hay tối"],
  headline: ["One grey photograph, many plausible colours.", "Một tấm ảnh xám, nhiều sắc màu hợp lý."],
  lead: [
    "The colours are sampled, not restored. See several, choose one, and steer it. Nothing leaves this computer.",
    "Màu ở đây được lấy mẫu, không phải được phục hồi. Xem nhiều bản, chọn một bản rồi chỉnh theo ý mình. Không có gì rời khỏi máy này.",
  ],
  drop: ["Drop pictures here, or paste one", "Thả ảnh vào đây, hoặc dán ảnh"],
  dropHere: ["Drop them here", "Thả ảnh ra"],
  choose: ["Choose files", "Chọn tệp"],
  limits: ["JPEG, PNG, TIFF, WebP and more, up to {mb} MB and {mp} megapixels", "JPEG, PNG, TIFF, WebP và nhiều loại khác, tối đa {mb} MB và {mp} megapixel"],
  last: ["Back to your last picture", "Trở lại ảnh gần nhất"],
  examples: ["Or try an example", "Hoặc thử một ảnh mẫu"],
  example: ["Example: {name}", "Ảnh mẫu: {name}"],
  panel: ["Picture and settings", "Ảnh và thiết lập"],
  count: ["How many", "Số bản"],
  diversity: ["Variety", "Độ đa dạng"],
  tame: ["tame", "dè dặt"],
  wild: ["wild", "phóng khoáng"],
  old: ["0.8: old photos", "0,8: ảnh xưa"],
  saturation: ["Colour strength", "Độ đậm màu"],
  grey: ["grey", "xám"],
  strong: ["strong", "đậm"],
  pick: ["Show me", "Hiển thị"],
  diverse: ["Far apart", "Khác biệt nhất"],
  likely: ["Most likely", "Khả dĩ nhất"],
  random: ["As drawn", "Ngẫu nhiên"],
  more: ["More settings", "Thiết lập khác"],
  method: ["Method", "Phương pháp"],
  seed: ["Seed of the next draw", "Seed cho lần tạo tiếp theo"],
  different: ["More, different", "Thêm bản khác"],
  keep: ["Save", "Lưu"],
  sheet: ["Contact sheet", "Bảng ảnh"],
  zip: ["All as ZIP", "Tất cả (ZIP)"],
  zipFavourites: ["Favourites as ZIP", "Ảnh yêu thích (ZIP)"],
  forget: ["Delete this picture from the studio", "Xoá ảnh này khỏi xưởng"],
  forgotten: ["The picture and its colourings are deleted.", "Đã xoá ảnh và các bản tô màu của nó."],
  album: ["Your pictures", "Ảnh của bạn"],
  albumZip: ["All as one ZIP", "Tất cả trong một ZIP"],
  albumLiked: ["Favourites of all as ZIP", "Mọi ảnh yêu thích (ZIP)"],
  working: ["working on it", "đang tô màu"],
  leaving: ["will soon be removed to make room", "sắp bị xoá để lấy chỗ"],
  keptForGood: ["They are kept in the studio's folder until you delete them.", "Ảnh được giữ trong thư mục của xưởng cho đến khi bạn xoá."],
  keptShort: [
    "They are kept until the studio stops. Before that, those not used for a day go, and the longest unused when room is needed; never the one that is open.",
    "Ảnh được giữ đến khi xưởng dừng. Trước đó, ảnh một ngày không dùng sẽ bị xoá, và khi cần chỗ thì ảnh lâu không dùng nhất bị xoá trước; không bao giờ xoá ảnh đang mở.",
  ],
  goneTitle: ["This picture is no longer in the studio.", "Ảnh này không còn trong xưởng."],
  goneText: [
    "It was deleted, or removed to make room, or the studio was started anew. Nothing more can be done with it here.",
    "Ảnh đã bị xoá, hoặc bị dọn đi để lấy chỗ, hoặc xưởng vừa được mở lại. Không thể làm gì thêm với ảnh này ở đây.",
  ],
  goneNew: ["To the first page", "Về trang đầu"],
  awayTitle: ["The studio does not answer.", "Xưởng không trả lời."],
  awayText: ["Waiting for it. If it was stopped, start it again: what is shown stays here until then.", "Đang chờ. Nếu xưởng đã dừng, hãy mở lại: những gì đang hiện vẫn ở đây cho đến lúc đó."],
  isBack: ["The studio is back.", "Xưởng đã hoạt động lại."],
  hide: ["Hide", "Ẩn"],
  hideOf: ["Hide number {number}", "Ẩn số {number}"],
  unhideOf: ["Show number {number} again", "Hiện lại số {number}"],
  hidden: ["No. {number} is hidden.", "Đã ẩn Số {number}."],
  hiddenOnes: ["Hidden", "Đã ẩn"],
  hold: ["Hold to see it without colour", "Giữ để xem khi chưa có màu"],
  mode: ["A click on the picture", "Khi bấm vào ảnh"],
  modeLook: ["Only looks", "Chỉ xem"],
  modeColour: ["Places a colour", "Đặt màu"],
  part: ["{done} of {total}…", "{done} / {total}…"],
  full: ["The studio's folder is full. Delete pictures that you no longer need.", "Thư mục của xưởng đã đầy. Hãy xoá những ảnh không còn cần."],
  results: ["Colourings", "Các bản tô màu"],
  filter: ["Show", "Hiện"],
  all: ["All", "Tất cả"],
  favourites: ["Favourites", "Yêu thích"],
  noFavourites: ["No favourites yet. The heart on a picture adds it here.", "Chưa có ảnh yêu thích. Bấm trái tim trên ảnh để thêm vào đây."],
  cancel: ["Cancel", "Huỷ"],
  close: ["Close", "Đóng"],
  previous: ["Previous", "Trước"],
  next: ["Next", "Sau"],
  favourite: ["Favourite", "Yêu thích"],
  before: ["before", "trước"],
  after: ["after", "sau"],
  colouring: ["Colouring number {number} of {name}", "Bản tô màu số {number} của {name}"],
  uncoloured: ["{name} without colour", "{name} khi chưa tô màu"],
  zoomIn: ["Zoom in", "Phóng to"],
  zoomOut: ["Zoom out", "Thu nhỏ"],
  zoomReset: ["whole picture", "toàn bộ ảnh"],
  compare: ["Before and after", "Trước và sau"],
  hints: ["Give a spot its colour", "Chỉ định màu cho một điểm"],
  hintsHelp: ["Choose a colour, then click the picture where it belongs. Drag a dot to move it, click it to change its colour.", "Chọn màu, rồi bấm vào chỗ có màu đó trên ảnh. Kéo chấm để dời nó, bấm vào chấm để đổi màu."],
  colourNext: ["Colour of the next dot", "Màu của chấm tiếp theo"],
  colourChosen: ["Colour of the selected dot", "Màu của chấm đang chọn"],
  skin: ["skin", "da"],
  brown: ["brown", "nâu"],
  sky: ["sky blue", "xanh da trời"],
  navy: ["dark blue", "xanh dương đậm"],
  leaf: ["leaf green", "xanh lá"],
  pine: ["dark green", "xanh lá đậm"],
  red: ["red", "đỏ"],
  orange: ["orange", "cam"],
  yellow: ["yellow", "vàng"],
  violet: ["violet", "tím"],
  sand: ["sand", "cát"],
  neutral: ["grey", "xám"],
  ownColour: ["Own colour", "Màu tự chọn"],
  addHint: ["Add a dot", "Thêm chấm"],
  removeHint: ["Remove", "Xoá"],
  hint: ["{colour} at {x}, {y}", "{colour} tại {x}, {y}"],
  hintMost: ["A picture takes {most} dots at most.", "Mỗi ảnh nhận tối đa {most} chấm."],
  faint: ["{hints}: it is too light or too dark there to show much of that colour.", "{hints}: chỗ đó quá sáng hoặc quá tối nên hầu như không hiện được màu này."],
  pinHelp: ["{hint}. Enter selects it to change its colour, arrow keys move it, Delete removes it.", "{hint}. Enter để chọn và đổi màu, phím mũi tên để dời, Delete để xoá."],
  hintMore: ["Draw others with these colours", "Tạo thêm bản với các màu này"],
  undo: ["Undo", "Hoàn tác"],
  redo: ["Redo", "Làm lại"],
  moreLike: ["More like this", "Thêm bản giống thế này"],
  distance: ["How far", "Khác bao nhiêu"],
  blendWith: ["Blend with another", "Pha với bản khác"],
  blendPick: ["Choose the picture to blend No. {number} with", "Chọn ảnh để pha với Số {number}"],
  blendSame: ["Choose two pictures of one method.", "Hãy chọn hai ảnh của cùng một phương pháp."],
  download: ["Download at full size", "Tải về ở kích thước gốc"],
  preparing: ["Preparing…", "Đang chuẩn bị…"],
  copyCommand: ["Copy command", "Chép dòng lệnh"],
  copyPython: ["Copy Python", "Chép mã Python"],
  copied: ["Copied.", "Đã sao chép."],
  copyFailed: ["The browser did not allow copying.", "Trình duyệt không cho phép sao chép."],
  recipeFile: ["The command writes it as {file}.", "Lệnh ghi bản này vào {file}."],
  recipeAnew: [
    "The command draws {file} anew around these colours, so the rest may differ. The Python lines give this very picture.",
    "Lệnh tạo lại {file} theo các màu này nên phần còn lại có thể khác. Các dòng Python cho đúng ảnh này.",
  ],
  recipeNone: ["The command line has no verb for this one; the Python lines make it.", "Không thể tạo bản này bằng dòng lệnh; hãy dùng các dòng Python."],
  open: ["Open number {number}", "Mở số {number}"],
  numbered: ["No. {number}", "Số {number}"],
  steered: ["steered", "đã chỉnh"],
  heartOf: ["Favourite number {number}", "Yêu thích số {number}"],
  likeOf: ["More like number {number}", "Thêm bản giống số {number}"],
  blendOf: ["Blend number {number} with another", "Pha số {number} với bản khác"],
  downloadOf: ["Download number {number} at full size", "Tải số {number} ở kích thước gốc"],
  tally: ["{count} colourings", "{count} bản tô màu"],
  tallyOne: ["1 colouring", "1 bản tô màu"],
  tallyOf: ["{count} of {all} colourings", "{count} / {all} bản tô màu"],
  group_sample: ["First look", "Lần xem đầu"],
  group_sample_more: ["More, different", "Thêm bản khác"],
  group_vary: ["Like number {a}", "Giống số {a}"],
  group_blend: ["From number {a} to {b}", "Từ số {a} đến {b}"],
  group_sample_hints: ["With your colours", "Với màu của bạn"],
  reading: ["Reading the picture", "Đang đọc ảnh"],
  waiting: ["Waiting for its turn", "Đang chờ đến lượt"],
  trying: ["Trying candidates: {done} of {total}", "Đang thử phương án: {done} / {total}"],
  drawing: ["{done} of {total}", "{done} / {total}"],
  stop: ["Stop", "Dừng"],
  stopped: ["Stopped", "Đã dừng"],
  finished: ["{total} colourings are ready.", "{total} bản tô màu đã sẵn sàng."],
  finishedOne: ["1 colouring is ready.", "1 bản tô màu đã sẵn sàng."],
  lost: ["That picture is no longer in the studio.", "Ảnh đó không còn trong xưởng."],
  noPicture: ["There was no picture in that. Give a JPEG, PNG, TIFF or WebP file.", "Không có ảnh nào trong đó. Hãy đưa tệp JPEG, PNG, TIFF hoặc WebP."],
  notPicture: ["{name} is not a picture. The studio takes JPEG, PNG, TIFF, WebP and more.", "{name} không phải là ảnh. Xưởng nhận JPEG, PNG, TIFF, WebP và nhiều loại khác."],
  ofMany: [", {at} of {all}", ", {at} / {all}"],
  manyDone: ["{done} of {all} pictures are coloured.", "Đã tô màu {done} / {all} ảnh."],
  colouringName: ["Colouring {name}", "Đang tô màu {name}"],
  sending: ["Sending {name}", "Đang gửi {name}"],
  opening: ["Opening {name}", "Đang mở {name}"],
  busy: ["The studio is busy. Trying again in {seconds} s.", "Xưởng đang bận. Thử lại sau {seconds} giây."],
  badPicture: ["{name} cannot be read. Save it as JPEG, PNG or TIFF, or copy it again from its source.", "Không đọc được {name}. Hãy lưu lại thành JPEG, PNG hoặc TIFF, hoặc chép lại từ nguồn."],
  tooLarge: ["{name} is too large. Make it smaller: the studio takes up to {mb} MB and {mp} megapixels.", "{name} quá lớn. Hãy thu nhỏ: xưởng nhận tối đa {mb} MB và {mp} megapixel."],
  unreachable: ["The studio does not answer. Is it still running?", "Xưởng không trả lời. Xưởng còn chạy không?"],
  reconnecting: ["Connection lost. Trying again.", "Mất kết nối. Đang thử lại."],
  failed: ["That did not work: {detail}", "Không thực hiện được: {detail}"],
};

const supported = ["en", "vi"];
const preferred = localStorage.getItem("manyhues.language") ?? navigator.language.slice(0, 2);
let language = supported.includes(preferred) ? preferred : "en";

export const current = () => language;

export const isKnown = (key) => key in texts;

/** The text of a key in the current language, with {values} filled in. */
export function t(key, values = {}) {
  const text = texts[key][supported.indexOf(language)];
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** A number with one decimal, as the language writes it. */
export const decimal = (value) => Number(value).toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Put the current language into every element that names a text. */
export function translate(root = document) {
  document.documentElement.lang = language;
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]")) {
    node.setAttribute("aria-label", t(node.dataset.tLabel));
    if (node.matches("button")) node.title = t(node.dataset.tLabel); // what an icon means
  }
}

/** Change the language and remember it. */
export function choose(wanted) {
  language = wanted;
  localStorage.setItem("manyhues.language", wanted);
}
