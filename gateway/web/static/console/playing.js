// Plays the audio of a recording: several segments in order, as if they were one.

/** One recording's sound. Tells `time`, `state` and `length` events; positions are seconds from its begin. */
export class Playback extends EventTarget {
  constructor(timeline, renew) {
    super();
    this.audio = new Audio();
    this.audio.preload = "metadata";
    this.renew = renew;
    this.renewed = false;
    this.take(timeline);
    this.current = null;
    this.wanted = 0;
    for (const event of ["play", "pause", "waiting", "playing"]) this.audio.addEventListener(event, () => this.tell("state"));
    for (const event of ["timeupdate", "seeked"]) this.audio.addEventListener(event, () => this.tell("time"));
    this.audio.addEventListener("ended", () => this.next());
    this.audio.addEventListener("error", () => this.again());
    this.audio.addEventListener("loadedmetadata", () => this.learn());
    if (this.segments.length) this.open(this.segments[0], 0);
  }

  take(timeline) {
    this.segments = timeline.audio.filter((each) => each.download_url)
      .map((each) => ({ ...each, offset_s: each.offset_s ?? 0 })).sort((a, b) => a.offset_s - b.offset_s);
    this.told = timeline.duration_s;
  }

  /** How long the recording is; 0 while nobody knows. */
  get length() {
    const ends = this.segments.map((each) => each.offset_s + (each.duration_s ?? 0));
    return Math.max(this.told ?? 0, 0, ...ends);
  }

  get position() {
    if (!this.current) return this.wanted;
    return this.pending ?? this.current.offset_s + this.audio.currentTime;
  }

  get playing() { return !this.audio.paused; }

  get silent() { return this.segments.length === 0; }

  /** Go to a moment; between segments it is the begin of the next one. */
  seek(seconds) {
    const at = Math.min(Math.max(0, seconds), this.length || seconds);
    this.wanted = at;
    if (this.silent) return this.tell("time");
    const over = (each) => each.duration_s !== null && at >= each.offset_s + each.duration_s;
    const segment = this.segments.find((each) => !over(each)) ?? this.segments.at(-1);
    const within = Math.max(0, at - segment.offset_s);
    if (segment === this.current) {
      if (this.audio.readyState) this.audio.currentTime = within;
      else this.pending = segment.offset_s + within;
    } else this.open(segment, within);
    return this.tell("time");
  }

  play() {
    if (this.silent) return;
    if (this.length && this.position >= this.length - 0.05) this.seek(0);
    this.audio.play().catch((error) => { if (error.name === "NotAllowedError") this.tell("state"); });
  }

  pause() { this.audio.pause(); }

  toggle() { if (this.playing) this.pause(); else this.play(); }

  close() {
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  open(segment, within, playing = this.playing) {
    this.current = segment;
    this.pending = segment.offset_s + within;
    this.audio.src = segment.download_url;
    if (playing) this.play();
  }

  learn() {
    if (!this.current.duration_s && Number.isFinite(this.audio.duration)) this.current.duration_s = this.audio.duration;
    if (this.pending !== null) this.audio.currentTime = this.pending - this.current.offset_s;
    this.pending = null;
    this.tell("length");
  }

  next() {
    const following = this.segments[this.segments.indexOf(this.current) + 1];
    // An ended element counts as paused; what was playing goes on.
    if (following) this.open(following, 0, true);
    else this.tell("state");
  }

  // Download URLs end: with fresh ones it goes on where it was, once.
  async again() {
    if (!this.audio.getAttribute("src")) return;
    const at = this.position;
    if (this.renewed) return this.tell("broken");
    this.renewed = true;
    try {
      this.take(await this.renew());
      this.current = null;
      this.seek(at);
    } catch {
      this.tell("broken");
    }
    return undefined;
  }

  tell(type) { this.dispatchEvent(new Event(type)); }
}
