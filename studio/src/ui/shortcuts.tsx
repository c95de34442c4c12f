import { sheetOpen, shortcuts } from "../keyboard";
import { Dialog } from "./dialog";

/** Every key of the page, behind `?`. */
export const ShortcutSheet = () =>
  sheetOpen.value && (
    <Dialog name="Keys" close={() => (sheetOpen.value = false)}>
      <table class="keys">
        <tbody>
          {shortcuts.map(({ keys, does }) => (
            <tr key={keys}>
              <th scope="row">
                <kbd>{keys}</kbd>
              </th>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
