// What lies over the page: a popover at a button, a dialog, a drawer.

import { useEffect, useId, useRef, type ReactNode } from 'react';

import { Button, Count, IconButton } from './controls';
import type { IconName } from './Icon';
import css from './overlay.module.css';

type PopoverProps = {
  label: string;
  icon?: IconName;
  /** Number of choices made inside; shown on the button. */
  count?: number;
  children: ReactNode;
  onOpen?: () => void;
};

/** A button that opens a panel beneath it; Esc or a click elsewhere closes it. */
export function Popover({ label, icon, count = 0, children, onOpen }: PopoverProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const place = () => {
    const at = button.current?.getBoundingClientRect();
    const box = panel.current;
    if (!at || !box) return;
    const left = Math.min(at.left, window.innerWidth - box.offsetWidth - 8);
    const below = window.innerHeight - at.bottom;
    box.style.left = `${Math.max(8, left)}px`;
    box.style.maxHeight = `${Math.max(160, below - 16)}px`;
    box.style.top = `${at.bottom + 4}px`;
  };
  return (
    <>
      <Button
        ref={button}
        popoverTarget={id}
        data-active={count > 0}
        {...(icon ? { icon } : {})}
        aria-haspopup="dialog"
      >
        {label}
        {count > 0 && <Count>{count}</Count>}
      </Button>
      <div
        ref={panel}
        id={id}
        popover="auto"
        className={css.panel}
        role="dialog"
        aria-label={label}
        onBeforeToggle={(event) => {
          if (event.newState === 'open') onOpen?.();
        }}
        onToggle={(event) => {
          if (event.newState !== 'open') return;
          place();
          panel.current?.querySelector<HTMLElement>('input, button')?.focus();
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.stopPropagation();
        }}
      >
        {children}
      </div>
    </>
  );
}

type ModalProps = { title: string; open: boolean; onClose: () => void; children: ReactNode };

function Modal({ title, open, onClose, children, shape }: ModalProps & { shape: string | undefined }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const element = dialog.current;
    if (open && element && !element.open) element.showModal();
    if (!open && element?.open) element.close();
  }, [open]);
  return (
    <dialog
      ref={dialog}
      className={shape}
      aria-labelledby={heading}
      onClose={onClose}
      onKeyDown={(event) => {
        event.stopPropagation();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) dialog.current.close();
      }}
    >
      <div className={css.head}>
        <h2 id={heading}>{title}</h2>
        <IconButton icon="close" label="Close" onClick={() => dialog.current?.close()} />
      </div>
      <div className={css.body}>{open && children}</div>
    </dialog>
  );
}

export function Dialog(props: ModalProps) {
  return <Modal {...props} shape={css.dialog} />;
}

/** A dialog at the side, for long reading. */
export function Drawer(props: ModalProps) {
  return <Modal {...props} shape={css.drawer} />;
}
