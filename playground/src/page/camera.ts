import {byId} from '../dom';

const video = byId<HTMLVideoElement>('video');
const shutter = byId('shutter');

/** Lets a picture be taken. The camera is off again once it is. */
export function withCamera(
  take: (picture: ImageBitmap) => void,
  fail: (message: string) => void,
): void {
  const open = async () => {
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({
        video: {facingMode: 'environment'},
      });
      await video.play();
      video.hidden = shutter.hidden = false;
      shutter.focus();
    } catch (error) {
      close();
      fail(`The camera cannot be used: ${(error as Error).message}`);
    }
  };
  const close = () => {
    (video.srcObject as MediaStream | null)?.getTracks().forEach(t => t.stop());
    video.srcObject = null;
    video.hidden = shutter.hidden = true;
  };
  byId('camera').addEventListener('click', () =>
    video.srcObject ? close() : void open(),
  );
  shutter.addEventListener('click', async () => {
    const picture = await createImageBitmap(video);
    close();
    byId('camera').focus();
    take(picture);
  });
}
