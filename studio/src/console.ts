import * as edits from "./project/edits";
import * as store from "./project/store";
import { watchLoudness } from "./sound/loudness";
import { renderOffline } from "./sound/offline";
import { player } from "./sound/player";

/** What the page is made of, for whoever opens the console: `dawg.store.tracks.value`, `dawg.player.play()`. */
Object.assign(window, { dawg: { edits, player, renderOffline, store, watchLoudness } });
